import { quoteUpstream } from "../../src/dify/quote-upstream.ts";
import type { DifyNodeEvent } from "../../src/dify/types.ts";
import { isAtWork, type RunNode } from "../../src/ledger/run-nodes.ts";

/** Nodes that are kept; of more, those that ended well are forgotten first. */
export const MAX_NODES = 100;
/** Characters of a node's title, type or id that are kept. */
const MAX_NAME_CHARS = 120;
/** Executions that are told apart. What comes after so many is counted as it comes. */
const MAX_EXECUTIONS = 10_000;

/** Follows the nodes of one stream, which may tell the same twice (a snapshot, then the live frames). */
export type NodeTracker = {
  hear(event: DifyNodeEvent): void;
  /** The workflow waits for a person: so do the nodes at work. */
  pause(): void;
  /** All nodes heard of, in the order in which they were first. */
  nodes(): readonly RunNode[];
  /** Title of the node that began last of those at work, and the round it is in. */
  present(): string | undefined;
};

type Execution = { readonly nodeId: string; readonly startedAtMs: number; ended: boolean };

/** @param known what was heard by an earlier stream: kept where this one tells nothing newer */
export function createNodeTracker(known: readonly RunNode[], nowMs: () => number): NodeTracker {
  const nodes = new Map(known.map((node) => [node.nodeId, node]));
  const heard = new Set<string>();
  const executions = new Map<string, Execution>();
  /** Executions at work by node; parallel branches of an iteration have several. */
  const atWork = new Map<string, readonly Execution[]>();

  const recall = (event: DifyNodeEvent, nodeId: string): RunNode => {
    const before = nodes.get(nodeId);
    // What an earlier stream told of it, this one tells again from the beginning.
    if (before && heard.has(nodeId)) return before;
    heard.add(nodeId);
    const fresh: RunNode = {
      nodeId,
      title: nameOf(event.title),
      type: event.type === undefined ? null : nameOf(event.type),
      status: "running",
      startedAtMs: null,
      elapsedMs: 0,
      times: 0,
      round: null,
      error: null,
    };
    nodes.set(nodeId, fresh);
    if (nodes.size > MAX_NODES) forgetOne(nodes, atWork, nodeId);
    return fresh;
  };

  const begin = (event: DifyNodeEvent, nodeId: string): Execution => {
    const startedAtMs = event.startedAtMs ?? nowMs();
    const execution: Execution = { nodeId, startedAtMs, ended: false };
    if (executions.size < MAX_EXECUTIONS) executions.set(event.executionId, execution);
    atWork.set(nodeId, [...(atWork.get(nodeId) ?? []), execution]);
    return execution;
  };

  return {
    hear: (event) => {
      const nodeId = nameOf(event.nodeId);
      const execution = executions.get(event.executionId);
      // Iterations and loops have no execution of their own, so that one inside another may begin anew.
      const isContainer = event.executionId === event.nodeId;
      // A live frame that repeats what the snapshot told.
      if (execution?.ended && (event.phase === "finished" || !isContainer)) return;
      const node = recall(event, nodeId);
      switch (event.phase) {
        case "started":
        case "retried":
        case "next_round": {
          const { startedAtMs } = execution && !execution.ended ? execution : begin(event, nodeId);
          const isRetry = event.phase === "retried";
          nodes.set(nodeId, {
            ...node,
            status: isRetry ? "retry" : "running",
            startedAtMs,
            round: event.round ?? node.round,
            ...(isRetry ? { error: quoteUpstream(event.error ?? "") || null } : {}),
          });
          return;
        }
        case "finished": {
          if (execution) execution.ended = true;
          else if (executions.size < MAX_EXECUTIONS)
            executions.set(event.executionId, { nodeId, startedAtMs: event.startedAtMs ?? nowMs(), ended: true });
          const others = isContainer ? [] : (atWork.get(nodeId) ?? []).filter((other) => other !== execution);
          atWork.set(nodeId, others);
          nodes.set(nodeId, ended(node, event, others.at(-1)?.startedAtMs ?? null));
          return;
        }
        default:
          event.phase satisfies never;
      }
    },
    pause: () => {
      for (const node of nodes.values()) {
        if (isAtWork(node)) nodes.set(node.nodeId, { ...node, status: "paused", startedAtMs: null });
      }
    },
    nodes: () => [...nodes.values()],
    present: () => {
      const [latest] = [...nodes.values()].filter(isAtWork).sort((a, b) => (b.startedAtMs ?? 0) - (a.startedAtMs ?? 0));
      return latest && (latest.round === null ? latest.title : `${latest.title}, round ${latest.round}`);
    },
  };
}

/** An execution is over; with others of the node still at work, the node is too. */
function ended(node: RunNode, event: DifyNodeEvent, othersSinceMs: number | null): RunNode {
  const status = statusOf(event);
  const failed = status === "failed" || status === "exception";
  // Among many executions one that failed is what people look for.
  const failedBefore = node.times > 0 && node.error !== null;
  return {
    ...node,
    status: othersSinceMs !== null ? "running" : failedBefore && !failed ? "exception" : status,
    startedAtMs: othersSinceMs,
    elapsedMs: node.elapsedMs + (event.elapsedMs ?? 0),
    times: node.times + 1,
    round: event.round ?? node.round,
    error: failed ? quoteUpstream(event.error ?? "") || null : failedBefore ? node.error : null,
  };
}

function statusOf({ status }: DifyNodeEvent): RunNode["status"] {
  switch (status) {
    case "failed":
    case "exception":
    case "paused":
    case "stopped":
      return status;
    default:
      return "succeeded";
  }
}

/** Titles are what somebody typed into Dify; a database takes no NUL and no half characters, and a page no novel. */
const nameOf = (text: string): string =>
  text
    .slice(0, MAX_NAME_CHARS)
    .replace(/[\p{Cc}\p{Cs}]+/gu, " ")
    .trim();

function forgetOne(nodes: Map<string, RunNode>, atWork: Map<string, unknown>, but: string): void {
  const all = [...nodes.values()].filter(({ nodeId }) => nodeId !== but);
  const least = all.find(({ status }) => status === "succeeded") ?? all.find((node) => !isAtWork(node)) ?? all[0];
  if (!least) return;
  nodes.delete(least.nodeId);
  atWork.delete(least.nodeId);
}
