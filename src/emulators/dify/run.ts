import type { EmulatedApp } from "./apps.ts";
import type { EndUser } from "./end-user.ts";
import type { FaultPlan } from "./run-faults.ts";
import { toSeconds } from "./seconds.ts";
import type { FormAnswer, WorkFile } from "./work.ts";

/** What a run tells those who listen. A data frame carries its compact JSON. */
export type Message =
  | { readonly kind: "ping" }
  | { readonly kind: "data"; readonly event: string; readonly json: string }
  /** Nothing more will come, or not before somebody has filled in a form: the stream may end. */
  | { readonly kind: "end"; readonly because: "finished" | "paused" };

export type NodeRecord = {
  readonly id: string;
  readonly nodeId: string;
  readonly nodeType: string;
  readonly title: string;
  readonly index: number;
  /** The iteration or the loop that it is part of. */
  readonly within: { readonly kind: "iteration" | "loop"; readonly nodeId: string } | undefined;
  readonly createdAtMs: number;
  finishedAtMs: number | undefined;
  status: "running" | "succeeded" | "failed" | "exception";
  error: string | null;
};

/** A form that a paused run waits for. Times are Unix milliseconds. */
export type Form = {
  readonly id: string;
  readonly token: string;
  readonly expiresAtMs: number;
  /** Resolves the wait; undefined once it was submitted. */
  submit: ((answer: FormAnswer) => void) | undefined;
};

export type RunStatus = "queued" | "running" | "paused" | "succeeded" | "failed" | "stopped" | "partial-succeeded";

/** One execution: the row that details, logs and events are read from, and the channel of its live frames. */
export type Run = {
  readonly id: string;
  readonly taskId: string;
  readonly logId: string;
  readonly app: EmulatedApp;
  readonly user: EndUser;
  /** As sent. */
  readonly sentInputs: Readonly<Record<string, unknown>>;
  /** As the workflow sees them, system variables included. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly files: readonly WorkFile[];
  readonly plan: FaultPlan;
  readonly acceptedAtMs: number;
  /** `queued` has no row yet: detail and logs do not know it. */
  status: RunStatus;
  createdAtMs: number;
  finishedAtMs: number | undefined;
  outputs: Readonly<Record<string, unknown>> | null;
  error: string | null;
  totalSteps: number;
  totalTokens: number;
  exceptionsCount: number;
  readonly nodes: NodeRecord[];
  form: Form | undefined;
  readonly stop: AbortController;
  readonly listeners: Set<(message: Message) => void>;
};

export function publish(run: Run, message: Message): void {
  for (const listener of [...run.listeners]) listener(message);
}

export const isFinished = ({ status }: Run) => status !== "queued" && status !== "running" && status !== "paused";

export const elapsedSeconds = (fromMs: number, toMs: number | undefined) =>
  toMs === undefined ? 0 : Math.max(0, toMs - fromMs) / 1000;

/** Members in the order Dify writes them in live frames. */
function frameJson(run: Run, event: string, data: object): string {
  return JSON.stringify({ event, workflow_run_id: run.id, task_id: run.taskId, data });
}

export function emit(run: Run, event: string, data: object): void {
  publish(run, { kind: "data", event, json: frameJson(run, event, data) });
}

/** Speech has no `data`: its audio, in base64, stands beside the ids. */
export function emitAudio(run: Run, event: "tts_message" | "tts_message_end", audio: string): void {
  const json = JSON.stringify({ event, workflow_run_id: run.id, task_id: run.taskId, audio });
  publish(run, { kind: "data", event, json });
}

/** The inputs of a run with what Dify adds to them. */
export function withSystemInputs(
  values: Readonly<Record<string, unknown>>,
  { app, user, id }: Pick<Run, "app" | "user" | "id">,
): Record<string, unknown> {
  return {
    ...values,
    "sys.files": [],
    "sys.user_id": user.sessionId,
    "sys.app_id": app.id,
    "sys.workflow_id": app.workflowId,
    "sys.workflow_run_id": id,
  };
}

export function startedData(run: Run, profile: string, reason: "initial" | "resumption" = "initial"): object {
  return {
    id: run.id,
    workflow_id: run.app.workflowId,
    inputs: run.inputs,
    created_at: toSeconds(run.createdAtMs),
    ...(profile === "P1" ? {} : { reason }),
  };
}
