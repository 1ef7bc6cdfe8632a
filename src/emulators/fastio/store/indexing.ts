import type { ScaledTime } from "../../kit/time.ts";
import type { FastioKnobs } from "../knobs.ts";
import type { Activity } from "./activity.ts";
import type { EventLog } from "./events.ts";
import type { Drive, IndexState, Node, Version } from "./node.ts";

export type Indexer = {
  /** Starts reading a new version; at once when no delay is set. */
  take(drive: Drive, node: Node, version: Version): void;
  /** Switches intelligence of a drive: off forgets every index, on reads everything again. */
  setIntelligence(drive: Drive, on: boolean): void;
};

export function createIndexer(deps: {
  readonly time: ScaledTime;
  readonly knobs: FastioKnobs;
  readonly activity: Activity;
  readonly events: EventLog;
  readonly closing: AbortSignal;
}): Indexer {
  const { knobs } = deps;

  const enter = (drive: Drive, node: Node, version: Version, state: IndexState): void => {
    version.index = state;
    const { orgId, workspaceId, shareId } = drive.scope;
    const profiles = [workspaceId, shareId, orgId].filter((id) => id !== undefined);
    deps.activity.bump(profiles, `ai_state:${node.id}`);
    if (state !== "ready" || !knobs.aiSummaryEvents) return;
    deps.events.append({
      ...drive.scope,
      event: "node_ai_summary_created",
      category: "node",
      subCategory: "ai",
      objectId: node.id,
      userId: undefined,
      activity: `ai_state:${node.id}`,
      subject: { name: node.name, versionId: version.id },
    });
  };
  const outcome = (node: Node): IndexState =>
    knobs.indexFailsFor !== "" && node.name.includes(knobs.indexFailsFor) ? "failed" : "ready";

  const isAt = (version: Version, state: IndexState): boolean => version.index === state;
  const run = async (drive: Drive, node: Node, version: Version): Promise<void> => {
    await deps.time.sleep(knobs.indexDelayMs / 2, deps.closing);
    if (!isAt(version, "pending")) return;
    enter(drive, node, version, "in_progress");
    await deps.time.sleep(knobs.indexDelayMs / 2, deps.closing);
    if (isAt(version, "in_progress")) enter(drive, node, version, outcome(node));
  };
  const take: Indexer["take"] = (drive, node, version) => {
    if (!drive.intelligence) version.index = "disabled";
    else if (knobs.indexDelayMs <= 0) version.index = outcome(node);
    else {
      version.index = "pending";
      run(drive, node, version).catch((error: unknown) => {
        if (!deps.closing.aborted) throw error;
      });
    }
  };
  return {
    take,
    setIntelligence: (drive, on) => {
      if (drive.intelligence === on) return;
      drive.intelligence = on;
      for (const node of drive.nodes.values()) for (const version of node.versions) take(drive, node, version);
    },
  };
}
