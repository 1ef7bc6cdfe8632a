import { z } from "zod";

const ms = z.number().min(0);

/**
 * What can go wrong with a run, beyond what the kit knows. Durations are real milliseconds; left out, they are
 * Dify's own, scaled. Unless told otherwise each is matched against `POST …/run`.
 */
export const runActionSchema = z.discriminatedUnion("kind", [
  /** Swallows the first n data frames, as lossy transports do. */
  z.strictObject({ kind: z.literal("drop_first"), frames: z.int().min(1) }),
  /** Resets the connection after data frame n; the run goes on. */
  z.strictObject({
    kind: z.literal("cut_after"),
    frames: z.int().min(0),
    /** `inside` sends half of the next frame too, `between newlines` keeps back the last byte of frame n. */
    at: z.enum(["frame end", "inside", "between newlines"]).default("frame end"),
  }),
  /** Ends the stream where `workflow_finished` should come. */
  z.strictObject({ kind: z.literal("drop_terminal") }),
  /** No data frame, then the end of the stream; the run goes on, or never starts. */
  z.strictObject({
    kind: z.literal("silence"),
    ms: ms.optional(),
    run: z.enum(["goes on", "dead"]).default("goes on"),
  }),
  /** The run waits for a worker: no row, no frame but pings. */
  z.strictObject({ kind: z.literal("queue_delay"), ms }),
  /** The engine fails with an `error` frame after the run has started. */
  z.strictObject({
    kind: z.literal("error_frame"),
    code: z.string().default("internal_server_error"),
    status: z.int().default(500),
    message: z.string().default("Internal Server Error, please contact support."),
  }),
  z.strictObject({ kind: z.literal("node_failure"), message: z.string().default("emulated failure of the work node") }),
  /** A failure handled by the workflow: `partial-succeeded`, outputs and all. */
  z.strictObject({ kind: z.literal("partial"), message: z.string().default("emulated, handled failure") }),
  /** The work node is tried again n times before it succeeds. */
  z.strictObject({ kind: z.literal("node_retry"), times: z.int().min(1).default(1) }),
  /** Refuses for concurrency, in one of the two spellings met in the wild. */
  z.strictObject({ kind: z.literal("overload"), quotaStyle: z.union([z.literal(400), z.literal(429)]).default(400) }),
  z.strictObject({ kind: z.literal("quota_exhausted") }),
  z.strictObject({ kind: z.literal("unpublished") }),
  /** Dify's proxy lets no link through: neither at the start of the run nor later. */
  z.strictObject({ kind: z.literal("links_blocked") }),
  /** A proxy answers 504 in HTML while the run goes on. */
  z.strictObject({ kind: z.literal("gateway"), afterMs: ms.default(0) }),
  /** The API process fails with a 500, before the run was handed on or after. */
  z.strictObject({ kind: z.literal("internal_error"), run: z.enum(["goes on", "dead"]).default("dead") }),
  /** The run's row in the logs comes so much later than the run's own. */
  z.strictObject({ kind: z.literal("log_lag"), ms }),
  /** The worker dies after the start: `running` for ever. The stream ends after `ms` of silence. */
  z.strictObject({ kind: z.literal("lost_after_start"), ms: ms.optional() }),
  /** The work node waits for a person, and no longer than the form lives; its token comes in the event. */
  z.strictObject({ kind: z.literal("pause"), expiresMs: ms.optional() }),
  /** The engine's time limit: `failed` in the stream, `stopped` in the row. */
  z.strictObject({ kind: z.literal("time_limit") }),
  /** Writes the stream in pieces of so many bytes. */
  z.strictObject({ kind: z.literal("chunking"), bytes: z.int().min(1) }),
  /** Keeps data frames back until there are n, and sends them in one piece. */
  z.strictObject({ kind: z.literal("coalesce"), frames: z.int().min(2) }),
  /** Pads the work node's `node_finished` to about this size. */
  z.strictObject({ kind: z.literal("large_frame"), bytes: z.int().min(1) }),
  /** Against `POST …/stop`: says success and does nothing. */
  z.strictObject({ kind: z.literal("stop_ignored") }),
  /** Against `GET …/events`: pings until the idle limit, no other frame. */
  z.strictObject({ kind: z.literal("events_race") }),
]);

export type RunAction = z.infer<typeof runActionSchema>;
/** An action as a test writes it, defaults left out. */
export type SentRunAction = z.input<typeof runActionSchema>;

/** The kinds that concern `POST …/run`; the rest belong to other requests. */
export const RUN_KINDS = runActionSchema.options
  .map(({ shape }) => shape.kind.value)
  .filter((kind) => kind !== "stop_ignored" && kind !== "events_race");

/** The faults that one run has to bear. */
export type FaultPlan = {
  find<K extends RunAction["kind"]>(kind: K): Extract<RunAction, { kind: K }> | undefined;
};

export function createFaultPlan(actions: readonly RunAction[]): FaultPlan {
  return {
    find<K extends RunAction["kind"]>(kind: K) {
      return actions.find((action): action is Extract<RunAction, { kind: K }> => action.kind === kind);
    },
  };
}
