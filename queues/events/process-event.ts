import type { Clock } from "../../src/clock.ts";
import { RelayError } from "../../src/errors.ts";
import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio, FastioNode } from "../../src/fastio/types.ts";
import { isAccess } from "../../src/ledger/access-kinds.ts";
import { recordAccess } from "../../src/ledger/accesses.ts";
import { createRuns } from "../../src/ledger/create-runs.ts";
import { closeEvent, countEventFailure, findEvent, isOwnOutput } from "../../src/ledger/event-queries.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listRuleStates, type RuleState } from "../../src/ledger/rule-state-queries.ts";
import type { NewRun } from "../../src/ledger/run-queries.ts";
import type { EventRow } from "../../src/ledger/schema.ts";
import { messageOf } from "../../src/message-of.ts";
import type { CompiledRule } from "../../src/rules/compile-rules.ts";
import { matchRule } from "../../src/rules/match.ts";
import type { Rule } from "../../src/rules/rule.ts";
import { deriveRunId } from "../../src/run-id.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { JobOutcome } from "../backend.ts";
import { decideFailure } from "../failure-policy.ts";
import type { Outbox } from "../outbox.ts";
import { whyHeld } from "../why-held.ts";
import { locateNode, type NodePlace } from "./locate-node.ts";

export type ProcessEventDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "readNode" | "readWorkspace" | "whoami" | "findMemberEmail">;
  /** The rules in force. */
  readonly rules: () => readonly CompiledRule[];
  /** Names the app whose key is in this variable, without telling the key. */
  readonly appOf: (keyVariable: string) => string;
  /** Unfinished runs of one rule above which further ones are held. */
  readonly floodHold: () => number;
  readonly outbox: Pick<Outbox, "sendRuns">;
};

/** Reasons why no rule was asked at all stand under this name. */
const EVERY_RULE = "*";

/** Routes one event: reads the node once, asks each rule, makes the runs, ends the event. */
export const processEvent =
  (deps: ProcessEventDeps) =>
  async (eventKey: string, signal: AbortSignal): Promise<JobOutcome> => {
    const event = await findEvent(deps.db, eventKey);
    if (event?.status !== "accepted") return { kind: "done" };
    try {
      await route(deps, event, signal);
      return { kind: "done" };
    } catch (error) {
      signal.throwIfAborted();
      return settleFailure(deps, event, error);
    }
  };

/** An event that was acknowledged is not given up because an upstream is away, however long that takes. */
const AWAY_DELAY_MS = 300_000;
/** How often to see whether somebody has mended the key or the plan. */
const MISCONFIGURED_DELAY_MS = 60_000;

async function settleFailure(deps: ProcessEventDeps, event: EventRow, error: unknown): Promise<JobOutcome> {
  const { db, clock, log } = deps;
  const words = messageOf(error);
  const code = error instanceof RelayError ? error.code : "fault";
  const end = async (status: "ignored" | "failed", reason: string): Promise<JobOutcome> => {
    await closeEvent(db, event.key, { status, reasons: { [EVERY_RULE]: reason } }, clock.now());
    log.warn("event.ended", { eventKey: event.key, status, code, message: words });
    return { kind: "done" };
  };
  const decision = decideFailure(error, event.failures, deps.random);
  switch (decision.do) {
    case "wait":
      return { kind: "later", atMs: clock.now() + decision.delayMs };
    case "retry":
      await countEventFailure(db, event.key);
      throw error;
    case "cancel":
      return end("ignored", `the file is gone: ${words}`);
    case "pause_rule":
      // A place this key may not see stays so; a key or plan that does not work is everybody's trouble and gets mended.
      if (code === "forbidden" || code === "not_found") return end("failed", words);
      log.error("event.waiting", { eventKey: event.key, code, message: words });
      return { kind: "later", atMs: clock.now() + MISCONFIGURED_DELAY_MS };
    case "fail":
      // A page of some gateway in place of an answer, or an outage longer than the attempts: neither says anything of the file.
      if (code === "answer_malformed" || !(error instanceof RelayError) || error.retryable) {
        log.error("event.waiting", { eventKey: event.key, code, message: words });
        return { kind: "later", atMs: clock.now() + AWAY_DELAY_MS };
      }
      return end("failed", words);
    default:
      return decision satisfies never;
  }
}

async function route(deps: ProcessEventDeps, event: EventRow, signal: AbortSignal): Promise<void> {
  const { db, clock, fastio, log } = deps;
  const rules = deps.rules();
  const ignore = (reasons: Readonly<Record<string, string>>) =>
    closeEvent(db, event.key, { status: "ignored", reasons }, clock.now());

  // No rule listens to these; what they tell is who opened what a rule has delivered.
  if (isAccess(event.type)) {
    const occurredAtMs = event.occurredAtMs ?? event.receivedAtMs;
    await recordAccess(db, { ...event, occurredAtMs }, "webhook", clock.now());
  }

  if (event.objectId === null || event.workspaceId === null) {
    return ignore({ [EVERY_RULE]: "the event names no file in a workspace" });
  }
  // What no rule wants whatever the file is needs no call to Fast.io: most of it is what the relay itself has placed.
  const listening = rules.filter(({ rule }) => rule.when.events.some((type) => type === event.type));
  if (listening.length === 0) return ignore({ [EVERY_RULE]: `no rule listens to ${event.type}` });
  const self = await fastio.whoami(signal);
  if (event.actorUserId === self.userId && listening.every(({ rule }) => rule.when.exclude.actors.includes("self"))) {
    return ignore({ [EVERY_RULE]: "the relay itself did this" });
  }
  // Whichever of two readings began later saw the newer version.
  const seenAtMs = clock.now();
  const node = await fastio.readNode(event.workspaceId, event.objectId, signal);
  if (node.deleted) return ignore({ [EVERY_RULE]: "the file is in the trash" });
  const place = await locateNode(fastio, event.workspaceId, node, signal);
  if (await isOwnOutput(db, normaliseOpaqueId(node.id), place.ancestorIds.map(normaliseOpaqueId))) {
    return ignore({ [EVERY_RULE]: "the relay placed this file itself" });
  }
  const workspace = await fastio.readWorkspace(event.workspaceId, signal);
  const states = await listRuleStates(db);

  const reasons: Record<string, string> = {};
  const wanted: CompiledRule[] = [];
  for (const compiled of rules) {
    const { rule } = compiled;
    const verdict = matchRule(compiled, {
      eventType: event.type,
      workspaceId: event.workspaceId,
      workspaceName: workspace?.name,
      folderName: workspace?.folderName,
      folderPath: place.folderPath,
      fileName: node.name,
      nodeKind: node.kind,
      mimeType: node.mimeType,
      size: node.size,
      actorUserId: event.actorUserId ?? undefined,
      creatorId: node.creatorId,
      selfUserId: self.userId,
    });
    if (verdict.kind === "no_match") {
      reasons[rule.name] = verdict.reason;
      continue;
    }
    wanted.push(compiled);
  }

  const workspaceId = event.workspaceId;
  const actor = await findActor(fastio, { ...event, workspaceId }, node, wanted, signal);
  const nowMs = clock.now();
  const runs = wanted.map(({ rule }) => ({
    ...newRun(event, rule, node, place, actor, workspace?.name ?? workspaceId, states.get(rule.name), nowMs),
    app: deps.appOf(rule.run.keyVariable),
    seenAtMs,
    dueAtMs: settledAtMs(event, rule, nowMs),
    fileHash: node.hash && `${node.hash.algorithm}:${node.hash.value}`,
  }));
  const status = wanted.length > 0 ? "routed" : "ignored";
  const created = await createRuns(db, event.key, runs, { status, reasons }, nowMs, deps.floodHold());
  log.info("event.routed", {
    eventKey: event.key,
    type: event.type,
    wanted: wanted.length,
    runs: created.map(({ id }) => id),
  });
  // The others are handed over by the sweep when their time has come.
  await deps.outbox.sendRuns(created.filter(({ gatheringKey, dueAtMs }) => gatheringKey === null && dueAtMs <= nowMs));
}

/** From when on a file counts as left alone; 0 when that is now, or the rule does not ask for it. */
function settledAtMs({ occurredAtMs, receivedAtMs }: EventRow, { when: { settleMs } }: Rule, nowMs: number): number {
  if (settleMs === undefined) return 0;
  const dueAtMs = Math.min(occurredAtMs ?? receivedAtMs, nowMs) + settleMs;
  return dueAtMs > nowMs ? dueAtMs : 0;
}

type Actor = { readonly userId: string | undefined; readonly email: string | undefined };

/** Events that a listing found name nobody; of new content, whoever made it is meant. */
const MADE_BY_CREATOR = ["file.created", "file.version_added"];

/** Who caused the event. The address is asked for only where a rule speaks of it. */
async function findActor(
  fastio: ProcessEventDeps["fastio"],
  event: Pick<EventRow, "actorUserId" | "type"> & { readonly workspaceId: string },
  node: FastioNode,
  wanted: readonly CompiledRule[],
  signal: AbortSignal,
): Promise<Actor> {
  const userId = event.actorUserId ?? (MADE_BY_CREATOR.includes(event.type) ? node.creatorId : undefined);
  const asked = userId !== undefined && wanted.some(({ mentions }) => mentions.has("event.actor.email"));
  return { userId, email: asked ? await fastio.findMemberEmail(event.workspaceId, userId, signal) : undefined };
}

function newRun(
  event: EventRow,
  rule: Rule,
  node: FastioNode,
  place: NodePlace,
  actor: Actor,
  workspaceName: string,
  state: RuleState | undefined,
  nowMs: number,
): NewRun {
  const nodeId = normaliseOpaqueId(node.id);
  const paused = state?.state === "paused";
  // What tells this content from the next: without any of it all versions would be one run.
  const version = node.versionId ?? event.versionId ?? node.hash?.value;
  const versionId = version === undefined ? undefined : normaliseOpaqueId(version);
  return {
    id: deriveRunId({ rule: rule.name, nodeId, versionId }),
    ruleName: rule.name,
    rule,
    eventKey: event.key,
    eventType: event.type,
    actorUserId: actor.userId ?? null,
    actorEmail: actor.email ?? null,
    workspaceId: event.workspaceId ?? "",
    workspaceName,
    nodeId,
    versionId: node.versionId === undefined ? null : normaliseOpaqueId(node.versionId),
    fileName: node.name,
    folderPath: place.folderPath,
    fileSize: node.size ?? null,
    mimeType: node.mimeType ?? null,
    status: paused ? "held" : "queued",
    queue: paused ? null : "runs",
    ...(paused ? whyHeld(state) : {}),
    invited: [],
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}
