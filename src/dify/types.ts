import type { Readable } from "node:stream";

export type DifyFileType = "image" | "video" | "audio" | "document" | "custom";

/** A file as an input of a run: uploaded before by the same user, or fetched by Dify from a link. */
export type DifyFileInput =
  | { readonly type: DifyFileType; readonly transfer_method: "local_file"; readonly upload_file_id: string }
  /** Without a kind the extension alone counts, which the variable has to list. */
  | { readonly type?: DifyFileType; readonly transfer_method: "remote_url"; readonly url: string };

/** One input of the app's Start node, from `GET /parameters`. */
export type DifyInput = {
  readonly variable: string;
  readonly type: string;
  readonly required: boolean;
  readonly maxLength?: number;
  readonly options?: readonly string[];
  readonly allowedFileTypes?: readonly string[];
  readonly allowedFileExtensions?: readonly string[];
  /** `local_file`, `remote_url`; absent or empty: any. */
  readonly allowedUploadMethods?: readonly string[];
};

/** Largest uploads Dify takes, in bytes, by kind of file. */
export type DifyUploadLimits = {
  readonly image: number;
  readonly video: number;
  readonly audio: number;
  readonly other: number;
};

/** What `GET /parameters` tells of an app. */
export type DifyParameters = {
  /** The variables of its Start node. Empty for workflows that begin with a trigger. */
  readonly inputs: readonly DifyInput[];
  readonly uploadLimits: DifyUploadLimits;
};

export type DifyRunStatus = "running" | "succeeded" | "failed" | "stopped" | "partial-succeeded" | "paused";

/** A run as Dify's own record tells it: the truth about outcome and outputs. */
export type DifyRunDetail = {
  readonly id: string;
  /** The published version that ran; undefined when Dify does not say. */
  readonly workflowId?: string | undefined;
  readonly status: DifyRunStatus;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly error?: string;
  readonly totalTokens: number;
  readonly totalSteps: number;
  readonly elapsedMs: number;
  readonly createdAtMs: number;
  readonly finishedAtMs?: number;
};

/** One line of `GET /workflows/logs`. */
export type DifyRunRow = { readonly workflowRunId: string; readonly status: string; readonly createdAtMs: number };

/** What became of one node of the workflow, in Dify's own words, uncut. What the frame did not tell is undefined. */
export type DifyNodeEvent = {
  readonly kind: "node";
  /** `next_round`: an iteration or a loop goes on; `retried`: it failed and is tried again, by the same execution. */
  readonly phase: "started" | "retried" | "next_round" | "finished";
  readonly nodeId: string;
  /** A node inside an iteration or a loop is executed many times; an iteration or a loop itself names its node here. */
  readonly executionId: string;
  readonly title: string;
  /** Dify's name of its kind: `llm`, `code`, `iteration`, … */
  readonly type: string | undefined;
  readonly status: string | undefined;
  readonly error: string | undefined;
  /** By Dify's clock, which tells whole seconds. */
  readonly startedAtMs: number | undefined;
  readonly elapsedMs: number | undefined;
  /** The round that an iteration or a loop is in, from 1; at its end, how many there were. */
  readonly round: number | undefined;
  /** What a node with a model cost; such as 0.0012 and `USD`. */
  readonly cost: { readonly amount: number; readonly currency: string } | undefined;
};

/** What a run's stream tells, reduced to what the relay acts on. */
export type DifyRunEvent =
  | { readonly kind: "ping" }
  /** Any frame that carries handles; comes before its own meaning, at most once per new handle. */
  | { readonly kind: "handles"; readonly workflowRunId: string; readonly taskId?: string }
  | DifyNodeEvent
  | {
      readonly kind: "finished";
      readonly status: "succeeded" | "failed" | "stopped" | "partial-succeeded";
      /** The published version that ran. */
      readonly workflowId?: string;
      readonly outputs: Readonly<Record<string, unknown>>;
      readonly error?: string;
      readonly totalTokens?: number;
      /** 0 when the run failed before its first node. */
      readonly totalSteps?: number;
      readonly elapsedMs?: number;
    }
  | { readonly kind: "paused"; readonly formTokens: readonly string[] }
  | { readonly kind: "error"; readonly code?: string; readonly status: number; readonly message: string }
  /** A frame of a name that this relay does not know, as later versions of Dify may send; nothing follows from it. */
  | { readonly kind: "unknown"; readonly name: string };

/** An output file found by its identity marker, wherever it stood in the outputs. */
export type DifyOutputFile = {
  readonly name: string;
  readonly mimeType: string;
  /** Bytes; undefined when Dify does not know (−1). */
  readonly size?: number;
  /** It lies elsewhere: an input's link that was passed on, whose size is what somebody was told of it once. */
  readonly isElsewhere?: true;
  /** As Dify gave it: absolute, or relative to the API's origin. Signed: never log it. */
  readonly url: string;
};

/** Dify's Service API for one app key. */
export type Dify = {
  /** @throws {PermanentError} `dify_unpublished`, `unauthorized`, … */
  readParameters(signal: AbortSignal): Promise<DifyParameters>;
  readInfo(signal: AbortSignal): Promise<{ readonly name: string; readonly mode: string }>;
  /** Streams bytes to Dify. The file may only be used in runs of the same `user`. */
  uploadFile(
    file: {
      readonly user: string;
      readonly name: string;
      readonly mimeType: string;
      readonly size?: number;
      readonly body: Readable;
    },
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly extension: string; readonly size: number }>;
  /**
   * `POST /workflows/run`, or of one published version, streaming. Never repeated by the client: Dify has no
   * idempotency key.
   * Ends after `finished`, `paused` or `error`; a body that ends without one of them rejects with
   * TransientError `stream_truncated`, silence beyond the idle limit with `timed_out`.
   */
  startRun(
    run: {
      readonly user: string;
      readonly inputs: Readonly<Record<string, unknown>>;
      /** The version to run, as `readRun` tells it; the newest when left out. Dify's cloud wants a paid plan for it. */
      readonly workflowId?: string | undefined;
    },
    signal: AbortSignal,
  ): AsyncGenerator<DifyRunEvent>;
  /** `GET /workflow/{id}/events`; rejects with PermanentError `unsupported_here` before Dify 1.14. */
  followRun(
    run: { readonly workflowRunId: string; readonly user: string },
    signal: AbortSignal,
  ): AsyncGenerator<DifyRunEvent>;
  /** undefined: Dify has no such row (yet). */
  readRun(workflowRunId: string, signal: AbortSignal): Promise<DifyRunDetail | undefined>;
  /** Runs started for exactly this user, oldest first. */
  findRuns(user: string, signal: AbortSignal): Promise<readonly DifyRunRow[]>;
  stopRun(run: { readonly taskId: string; readonly user: string }, signal: AbortSignal): Promise<void>;
  /** Opens an output file. No app key is sent. @throws {PermanentError} `output_expired` after 300 s */
  openOutput(file: DifyOutputFile, signal: AbortSignal): Promise<{ readonly body: Readable; readonly size?: number }>;
};
