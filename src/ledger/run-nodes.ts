/** What was heard of one node of a run's workflow. Whoever writes it keeps texts and numbers of nodes bounded. */
export type RunNode = {
  readonly nodeId: string;
  readonly title: string;
  /** Dify's name of its kind: `llm`, `code`, `iteration`, … */
  readonly type: string | null;
  /** `exception`: it failed and the workflow handled that; `unknown`: it was at work when it was last heard of. */
  readonly status: "running" | "retry" | "succeeded" | "failed" | "exception" | "paused" | "stopped" | "unknown";
  /** When the execution that is under way began, by Dify's clock; null when none is. */
  readonly startedAtMs: number | null;
  /** How long its executions that ended took in all, by Dify's clock. */
  readonly elapsedMs: number;
  /** Executions that ended; more than one inside iterations and loops. */
  readonly times: number;
  /** The round an iteration or a loop is in or ended with, from 1; null for other nodes. */
  readonly round: number | null;
  /** Why it failed, or is tried again. */
  readonly error: string | null;
};

export const isAtWork = ({ status }: RunNode): boolean => status === "running" || status === "retry";

/** What can be said of nodes that nobody listens to any more. */
export const unheard = (nodes: readonly RunNode[]): readonly RunNode[] =>
  nodes.map((node) => (isAtWork(node) ? { ...node, status: "unknown", startedAtMs: null } : node));
