import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Origin } from "../../src/ledger/find-origin.ts";
import type { RuleState } from "../../src/ledger/rule-state-queries.ts";
import type { EventRow } from "../../src/ledger/schema.ts";
import type { WantedRun } from "../../src/ledger/wanted-run.ts";
import type { Rule } from "../../src/rules/rule.ts";
import { deriveRunId } from "../../src/run-id.ts";
import { whyHeld } from "../why-held.ts";
import type { Actor } from "./find-actor.ts";
import type { EventSubject } from "./find-subject.ts";

export type RunFacts = {
  readonly event: EventRow;
  readonly subject: EventSubject;
  readonly actor: Actor;
  readonly origin: Origin | undefined;
  /** As it was found out, where Fast.io does not know it. */
  readonly mimeType: string | undefined;
  readonly nowMs: number;
};

/** The run of a rule for a file, as it begins. */
export function newRun(
  { event, subject, actor, origin, mimeType, nowMs }: RunFacts,
  rule: Rule,
  state: RuleState | undefined,
  warnings: readonly string[],
): WantedRun {
  const { node, place, workspaceId, workspace, share, seenAtMs, reading } = subject;
  const nodeId = normaliseOpaqueId(node.id);
  const paused = state?.state === "paused";
  // What tells this content from the next: without any of it all versions would be one run.
  const version = node.versionId ?? event.versionId ?? node.hash?.value;
  const versionId = version === undefined ? undefined : normaliseOpaqueId(version);
  // What lies beside outputs was brought by a person.
  const parent = origin?.kind === "output" ? origin.run : undefined;
  return {
    id: deriveRunId({ rule: rule.name, nodeId, versionId }),
    ruleName: rule.name,
    rule,
    eventKey: event.key,
    eventType: event.type,
    actorUserId: actor.userId ?? null,
    actorEmail: actor.email ?? null,
    workspaceId,
    workspaceName: workspace?.name ?? workspaceId,
    nodeId,
    versionId: node.versionId === undefined ? null : normaliseOpaqueId(node.versionId),
    sourceShareId: share?.id ?? null,
    parentRunId: parent?.id ?? null,
    depth: parent ? parent.depth + 1 : 0,
    fileName: node.name,
    folderPath: place.folderPath,
    fileSize: node.size ?? null,
    mimeType: mimeType ?? null,
    fileHash: node.hash && `${node.hash.algorithm}:${node.hash.value}`,
    status: paused ? "held" : "queued",
    queue: paused ? null : "runs",
    ...(paused ? whyHeld(state) : {}),
    ...(warnings.length > 0 && { warning: warnings.join("; ") }),
    seenAtMs,
    reading,
    dueAtMs: settledAtMs(event, rule, nowMs),
    invited: [],
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

/** From when on a file counts as left alone; 0 when that is now, or the rule does not ask for it. */
function settledAtMs({ occurredAtMs, receivedAtMs }: EventRow, { when: { settleMs } }: Rule, nowMs: number): number {
  if (settleMs === undefined) return 0;
  const dueAtMs = Math.min(occurredAtMs ?? receivedAtMs, nowMs) + settleMs;
  return dueAtMs > nowMs ? dueAtMs : 0;
}
