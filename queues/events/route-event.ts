import type { Clock } from "../../src/clock.ts";
import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { RememberingFastio } from "../../src/fastio/remember-places.ts";
import { isAccess } from "../../src/ledger/access-kinds.ts";
import { recordAccess } from "../../src/ledger/accesses.ts";
import type { MakeRuns } from "../../src/ledger/create-runs.ts";
import { closeEvent, EVERY_RULE, type EventFile, noteEventWaits } from "../../src/ledger/event-queries.ts";
import type { EventToRoute } from "../../src/ledger/find-event-to-route.ts";
import { findOrigin, type Origin } from "../../src/ledger/find-origin.ts";
import { readChain } from "../../src/ledger/lineage.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { isReceipt } from "../../src/ledger/receipts.ts";
import { listRuleStates } from "../../src/ledger/rule-state-queries.ts";
import type { EventRow } from "../../src/ledger/schema.ts";
import { OWN_DEED, OWN_OUTPUT, OWN_RECEIPT, unheard } from "../../src/ledger/settle-unlistened.ts";
import type { CompiledRule } from "../../src/rules/compile-rules.ts";
import { HEAD_BYTES, readFirstBytes } from "../../src/rules/first-bytes.ts";
import type { MatchOrigin, MatchSubject } from "../../src/rules/match-subject.ts";
import { readMediaType } from "../../src/rules/media-type.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { Metrics } from "../../src/telemetry/metrics.ts";
import type { Trace } from "../../src/telemetry/trace.ts";
import type { JobOutcome } from "../backend.ts";
import type { Outbox } from "../outbox.ts";
import { askRules, type RulesAnswer } from "./ask-rules.ts";
import { findActor, findEmail } from "./find-actor.ts";
import { type EventSubject, findSubject } from "./find-subject.ts";
import { leavesOwnOut } from "./listened-by.ts";
import { mayBeRead } from "./may-be-read.ts";
import { newRun } from "./new-run.ts";

export type RouteEventDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly trace: Trace;
  readonly fastio: Pick<
    RememberingFastio,
    "readNode" | "readFolder" | "readHead" | "readShare" | "readWorkspace" | "whoami" | "findMemberEmail"
  >;
  /** The rules in force. */
  readonly rules: () => readonly CompiledRule[];
  /** Names the app whose key is in this variable, without telling the key. */
  readonly appOf: (keyVariable: string) => string;
  /** Unfinished runs of one rule above which further ones are held. */
  readonly floodHold: () => number;
  readonly makeRuns: MakeRuns;
  readonly outbox: Pick<Outbox, "sendRuns">;
};

/** Between two looks at a file that is being placed right now; longer the longer that takes. */
const PLACING = { shortestMs: 1_000, longestMs: 60_000 };

const DONE: JobOutcome = { kind: "done" };

/** Reads the file of an event, asks each rule, makes the runs, ends the event; or waits until that can be done. */
export async function routeEvent(
  deps: RouteEventDeps,
  { event, placed }: EventToRoute,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const { db, clock, metrics, fastio } = deps;
  const rules = deps.rules();
  /** @param drop why no rule was asked, in a word */
  const ignore = async (drop: string, reason: string, file?: EventFile): Promise<JobOutcome> => {
    await closeEvent(db, event.key, { status: "ignored", reasons: { [EVERY_RULE]: reason }, file }, clock.now());
    metrics.dropped(EVERY_RULE, drop);
    return DONE;
  };
  const wait = async (reason: string, atMs: number, file: EventFile): Promise<JobOutcome> => {
    await noteEventWaits(db, event.key, { [EVERY_RULE]: reason }, file);
    return { kind: "later", atMs };
  };

  // No rule listens to these; what they tell is who opened what a rule has delivered.
  if (isAccess(event.type)) {
    const occurredAtMs = event.occurredAtMs ?? event.receivedAtMs;
    await recordAccess(db, { ...event, occurredAtMs }, "webhook", clock.now());
  }

  // What no rule wants whatever the file is needs no call to Fast.io: most of it is what the relay itself has placed.
  const listening = rules.filter(({ rule }) => rule.when.events.some((type) => type === event.type));
  if (listening.length === 0) return ignore("no_listener", unheard(event.type));
  const takesOutputs = listening.some(({ rule }) => rule.when.outputsOf !== undefined);
  if (!takesOutputs && placed !== null) return ignore("own_doing", OWN_OUTPUT, placed);
  const self = await fastio.whoami(signal);
  if (event.actorUserId === self.userId && listening.every(leavesOwnOut)) return ignore("own_doing", OWN_DEED);
  const subject = await findSubject(deps, event, signal);
  if (typeof subject === "string") return ignore("no_file", subject);
  const file = fileOf(subject);
  if (subject.node.kind === "note" && (await isReceipt(db, normaliseOpaqueId(subject.node.id))))
    return ignore("own_doing", OWN_RECEIPT, file);
  const origin = await originOf(db, subject);
  if (origin && !takesOutputs) return ignore("own_doing", OWN_OUTPUT, file);
  if (origin?.isBeingPlaced) {
    const pauseMs = Math.max(PLACING.shortestMs, Math.min((clock.now() - event.receivedAtMs) / 2, PLACING.longestMs));
    return wait("waits until the relay has placed what it is placing there", clock.now() + pauseMs, file);
  }

  let facts = await readFacts(deps, event, subject, origin, self.userId);
  let answer = askRules(rules, facts);
  const refuse = async (reasons: Readonly<Record<string, string>>, drops: Readonly<Record<string, string>>) => {
    await closeEvent(db, event.key, { status: "ignored", reasons, file }, clock.now());
    tellDrops(deps, drops);
    return DONE;
  };
  if (answer.wanted.length + answer.undecided.length === 0) return refuse(answer.reasons, answer.mismatches);
  const verdict = mayBeRead(subject.node, {
    receivedAtMs: event.receivedAtMs,
    selfUserId: self.userId,
    nowMs: clock.now(),
  });
  if (verdict.kind === "wait") return wait(verdict.reason, verdict.untilMs, file);
  if (verdict.kind === "infected")
    return refuse(
      { ...answer.reasons, ...forOthers(answer, verdict.reason) },
      { ...answer.mismatches, ...forOthers(answer, "infected") },
    );
  while (answer.needs.size > 0) {
    facts = await learn(deps, facts, subject, answer.needs, signal);
    answer = askRules(rules, facts);
  }
  await makeRuns(deps, event, { subject, origin, facts, answer, warnings: verdict.warnings }, signal);
  return DONE;
}

const fileOf = ({ node, place, workspaceId }: EventSubject): EventFile => ({
  name: node.name,
  folderPath: place.folderPath,
  workspaceId,
});

/** What the relay itself has to do with a file. */
export const originOf = (db: Db, { node, place, share }: EventSubject): Promise<Origin | undefined> =>
  findOrigin(db, {
    nodeId: normaliseOpaqueId(node.id),
    name: node.name,
    ancestorIds: place.ancestorIds.map(normaliseOpaqueId),
    shareId: share?.id,
  });

/** What is known without asking anybody for it. */
export async function readFacts(
  { db, clock }: Pick<RouteEventDeps, "db" | "clock">,
  event: EventRow,
  { node, place, workspaceId, workspace, share }: EventSubject,
  origin: Origin | undefined,
  selfUserId: string,
): Promise<MatchSubject> {
  const changedAtMs = node.modifiedAtMs ?? node.createdAtMs;
  return {
    eventType: event.type,
    workspaceId,
    workspaceName: workspace?.name,
    folderName: workspace?.folderName,
    folderPath: place.folderPath,
    fileName: node.name,
    nodeKind: node.kind,
    mimeType: node.mimeType,
    size: node.size,
    actorUserId: event.actorUserId ?? undefined,
    creatorId: node.creatorId,
    selfUserId,
    share: share && { id: share.id, customName: share.customName },
    ageMs: changedAtMs === undefined ? undefined : clock.now() - changedAtMs,
    origin: origin && (await tellOrigin(db, origin)),
  };
}

async function tellOrigin(db: Db, { kind, run }: Origin): Promise<MatchOrigin> {
  const [first, ...others] = await readChain(db, run);
  return { kind, chain: [first.ruleName, ...others.map(({ ruleName }) => ruleName)], depth: run.depth + 1 };
}

/** Finds out what some rules have to know, each thing once. */
async function learn(
  { fastio }: RouteEventDeps,
  facts: MatchSubject,
  subject: EventSubject,
  needs: RulesAnswer["needs"],
  signal: AbortSignal,
): Promise<MatchSubject> {
  const { node, storage } = subject;
  const actor = facts.actorUserId ?? facts.creatorId;
  return {
    ...facts,
    ...(needs.has("actor_email") &&
      actor !== undefined && { actorEmail: (await findEmail(fastio, actor, subject, signal)) ?? null }),
    ...(needs.has("first_bytes") && {
      firstBytes: await readFirstBytes(
        await fastio.readHead({ place: storage, nodeId: node.id, versionId: node.versionId }, HEAD_BYTES, signal),
      ),
    }),
  };
}

/** The same reason for each rule that did not refuse the file itself. */
const forOthers = ({ wanted, undecided }: RulesAnswer, reason: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...wanted.map(({ compiled }) => compiled.rule.name), ...undecided].map((name) => [name, reason]));

function tellDrops({ metrics }: Pick<RouteEventDeps, "metrics">, drops: Readonly<Record<string, string>>): void {
  for (const [rule, reason] of Object.entries(drops)) metrics.dropped(rule, reason);
}

async function makeRuns(
  deps: RouteEventDeps,
  event: EventRow,
  made: {
    readonly subject: EventSubject;
    readonly origin: Origin | undefined;
    readonly facts: MatchSubject;
    readonly answer: RulesAnswer;
    readonly warnings: readonly string[];
  },
  signal: AbortSignal,
): Promise<void> {
  const { db, clock, fastio, log } = deps;
  const { subject, origin, facts, answer, warnings } = made;
  const { wanted, reasons } = answer;
  const actor = await findActor(
    fastio,
    event,
    subject,
    wanted.map(({ compiled }) => compiled),
    signal,
  );
  const states = await listRuleStates(db);
  const nowMs = clock.now();
  const mimeType = facts.firstBytes ? readMediaType(facts).types[0] : subject.node.mimeType;
  const runs = wanted.map(({ compiled: { rule }, notes }) => ({
    ...newRun({ event, subject, actor, origin, mimeType, nowMs }, rule, states.get(rule.name), [...warnings, ...notes]),
    app: deps.appOf(rule.run.keyVariable),
    traceparent: deps.trace.current() ?? event.traceparent,
  }));
  const end = { status: wanted.length > 0 ? "routed" : "ignored", reasons, file: fileOf(subject) } as const;
  const created = await deps.makeRuns({ eventKey: event.key, wanted: runs, end, nowMs, floodHold: deps.floodHold() });
  tellDrops(deps, answer.mismatches);
  log.info("event.routed", {
    eventKey: event.key,
    type: event.type,
    wanted: wanted.length,
    runs: created.map(({ id }) => id),
  });
  // The others are handed over by the sweep when their time has come.
  await deps.outbox.sendRuns(created.filter(({ gatheringKey, dueAtMs }) => gatheringKey === null && dueAtMs <= nowMs));
}
