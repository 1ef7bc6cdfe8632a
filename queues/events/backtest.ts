import type { Clock } from "../../src/clock.ts";
import { RelayError } from "../../src/errors.ts";
import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { RememberingFastio } from "../../src/fastio/remember-places.ts";
import { findRunMade, findRunOfNode, listEventsSince, meanTokens } from "../../src/ledger/backtest-queries.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import type { EventRow } from "../../src/ledger/schema.ts";
import type { CompiledRule } from "../../src/rules/compile-rules.ts";
import { matchRule } from "../../src/rules/match.ts";
import type { MatchSubject } from "../../src/rules/match-subject.ts";
import { deriveRunId } from "../../src/run-id.ts";
import { findSubject } from "./find-subject.ts";
import { originOf, readFacts } from "./route-event.ts";

export type BacktestDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly fastio: Pick<RememberingFastio, "readNode" | "readFolder" | "readShare" | "readWorkspace" | "whoami">;
  readonly appOf: (keyVariable: string) => string;
};

export type Firing = {
  readonly event: string;
  readonly file: string;
  readonly folder: string;
  /** The run there is of it already; null: it would be new. */
  readonly run: string | null;
};

/** What one rule would have made of the past. */
export type RuleBacktest = {
  readonly rule: string;
  readonly ran: readonly Firing[];
  readonly wouldBeNew: readonly Firing[];
  /** Why it would not have taken the others, with how many; what differs from file to file is left out. */
  readonly notTaken: Readonly<Record<string, number>>;
  /** Events that it would take or not by what only the file's bytes or its actor's address tell. */
  readonly undecided: number;
  /** What a past run used on average; null when no run tells. */
  readonly tokensPerRun: number | null;
  /** For what would be new. */
  readonly estimatedTokens: number | null;
};

export type Backtest = {
  readonly events: number;
  /** Files that Fast.io was asked about, because the ledger does not know them. */
  readonly read: number;
  /** Events whose file, or place, is not there any more. */
  readonly gone: number;
  /** When time was up: events that came later were not looked at. null: all were. */
  readonly endedAtMs: number | null;
  readonly rules: readonly RuleBacktest[];
};

const PAGE = 500;
/** Between two questions to Fast.io: the relay at work comes first. */
const PAUSE_MS = 200;

/**
 * Asks rules about the events of the past. Nothing is started, nothing is written.
 * @param endMs when to stop, whatever is left; absent: when all events are looked at
 */
export async function backtest(
  deps: BacktestDeps,
  rules: readonly CompiledRule[],
  sinceMs: number,
  signal: AbortSignal,
  endMs = Number.POSITIVE_INFINITY,
): Promise<Backtest> {
  const tallies = rules.map((compiled) => ({ compiled, ...emptyTally() }));
  const look = createLook(deps, rules, signal);
  let count = 0;
  let after: EventRow | undefined;
  let endedAtMs: number | null = null;
  do {
    const page: readonly EventRow[] = await listEventsSince(deps.db, sinceMs, PAGE, after);
    for (const event of page) {
      signal.throwIfAborted();
      if (deps.clock.now() > endMs) {
        endedAtMs = event.receivedAtMs;
        break;
      }
      count += 1;
      const seen = await look.at(event);
      for (const tally of tallies) await ask(deps.db, tally, event, seen);
    }
    after = page.length === PAGE && endedAtMs === null ? page.at(-1) : undefined;
  } while (after);
  const told = await Promise.all(
    tallies.map(async ({ compiled: { rule }, ran, wouldBeNew, notTaken, undecided }): Promise<RuleBacktest> => {
      const tokensPerRun = await meanTokens(deps.db, rule.name, deps.appOf(rule.run.keyVariable));
      const estimatedTokens = tokensPerRun === null ? null : tokensPerRun * wouldBeNew.size;
      return {
        rule: rule.name,
        ran: [...ran.values()],
        wouldBeNew: [...wouldBeNew.values()],
        notTaken: Object.fromEntries([...notTaken].toSorted(([, left], [, right]) => right - left)),
        undecided,
        tokensPerRun,
        estimatedTokens,
      };
    }),
  );
  return { events: count, read: look.read(), gone: look.gone(), endedAtMs, rules: told };
}

const emptyTally = () => ({
  ran: new Map<string, Firing>(),
  wouldBeNew: new Map<string, Firing>(),
  notTaken: new Map<string, number>(),
  undecided: 0,
});
type Tally = ReturnType<typeof emptyTally> & { readonly compiled: CompiledRule };

/** What is known of an event's file; a text says why nothing is. */
type Seen = { readonly facts: MatchSubject; readonly nodeId: string; readonly versions: readonly string[] } | string;

async function ask(db: Db, tally: Tally, event: EventRow, seen: Seen): Promise<void> {
  const { compiled, ran, wouldBeNew, notTaken } = tally;
  const { rule } = compiled;
  const refuse = (reason: string) => notTaken.set(reason, (notTaken.get(reason) ?? 0) + 1);
  if (!rule.when.events.some((type) => type === event.type)) return void refuse(`event is ${event.type}`);
  if (typeof seen === "string") return void refuse(seen);
  const verdict = matchRule(compiled, seen.facts);
  if (verdict.kind === "no_match") return void refuse(withoutValues(verdict.reason));
  if (verdict.kind === "unsure") {
    tally.undecided += 1;
    return;
  }
  const [id = "", ...others] = (seen.versions.length > 0 ? seen.versions : [undefined]).map((versionId) =>
    deriveRunId({ rule: rule.name, nodeId: seen.nodeId, versionId }),
  );
  const run = await findRunMade(db, { ruleName: rule.name, eventKey: event.key, ids: [id, ...others] });
  const firing = { event: event.key, file: seen.facts.fileName, folder: seen.facts.folderPath, run: run ?? null };
  // The same version told of twice is one run.
  if (run !== undefined) ran.set(run, firing);
  else wouldBeNew.set(id, firing);
}

/** Reasons without what differs from file to file, so that they can be counted. */
const withoutValues = (reason: string): string =>
  reason.replace(
    /^((?:folder|file name|media type|workspace is|user|event is|size is)\b.*?)(?:"[^"]*"|[\d,]+ bytes|\d+)/,
    "$1…",
  );

/** Reads each file once: from the ledger where a run knows it, else from Fast.io, with pauses. */
function createLook({ db, clock, fastio }: BacktestDeps, rules: readonly CompiledRule[], signal: AbortSignal) {
  const found = new Map<string, Promise<Seen>>();
  const wanted = new Set<string>(rules.flatMap(({ rule }) => rule.when.events));
  const counts = { read: 0, gone: 0 };

  const readFromFastio = async (event: EventRow): Promise<Seen> => {
    if (counts.read > 0) await clock.sleep(PAUSE_MS, signal);
    counts.read += 1;
    const self = await fastio.whoami(signal);
    try {
      const subject = await findSubject({ fastio, clock, db }, event, signal);
      if (typeof subject === "string") return subject;
      const origin = await originOf(db, subject);
      const facts = await readFacts({ db, clock }, event, subject, origin, self.userId);
      const { id, versionId, hash } = subject.node;
      const versions = [versionId, hash?.value].filter((version) => version !== undefined);
      return { facts, nodeId: normaliseOpaqueId(id), versions: versions.map(normaliseOpaqueId) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RelayError && (error.code === "not_found" || error.code === "forbidden")) return GONE;
      throw error;
    }
  };

  const read = async (event: EventRow & { readonly objectId: string }): Promise<Seen> => {
    const run = event.shareId === null ? await findRunOfNode(db, normaliseOpaqueId(event.objectId)) : undefined;
    if (!run || run.depth > 0) return readFromFastio(event);
    const facts: MatchSubject = {
      eventType: event.type,
      workspaceId: run.workspaceId,
      workspaceName: run.workspaceName,
      folderPath: run.folderPath,
      fileName: run.fileName,
      nodeKind: "file",
      mimeType: run.mimeType ?? undefined,
      size: run.fileSize ?? undefined,
      actorUserId: run.actorUserId ?? undefined,
      actorEmail: run.actorEmail ?? undefined,
    };
    return { facts, nodeId: run.nodeId, versions: run.versionId === null ? [] : [run.versionId] };
  };

  return {
    read: () => counts.read,
    gone: () => counts.gone,
    at: async (event: EventRow): Promise<Seen> => {
      const { objectId } = event;
      if (!wanted.has(event.type)) return "no rule listens to it";
      if (objectId === null) return "the event names no file in a workspace";
      const place = `${event.shareId ?? event.workspaceId} ${objectId}`;
      const reading = found.get(place) ?? read({ ...event, objectId });
      found.set(place, reading);
      const seen = await reading;
      if (seen === GONE) counts.gone += 1;
      if (typeof seen === "string") return seen;
      const own = event.versionId === null ? [] : [normaliseOpaqueId(event.versionId)];
      return {
        nodeId: seen.nodeId,
        // The version it was about, where it says; the others are what the file is now.
        versions: [...own, ...seen.versions],
        facts: {
          ...seen.facts,
          eventType: event.type,
          actorUserId: event.actorUserId ?? seen.facts.actorUserId,
          // As old as it was when it came, not as it is by now.
          ageMs: Math.max(0, event.receivedAtMs - (event.occurredAtMs ?? event.receivedAtMs)),
        },
      };
    },
  };
}

const GONE = "the file is gone";
