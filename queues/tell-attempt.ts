import { RelayError } from "../src/errors.ts";
import type { RunRow, RunStep } from "../src/ledger/schema.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { Metrics } from "../src/telemetry/metrics.ts";
import type { Tally } from "../src/telemetry/tally.ts";
import { type Trace, traceIdOf } from "../src/telemetry/trace.ts";

/** One try at one step of a run, as it ended. */
export type EndedAttempt = {
  readonly run: RunRow;
  readonly step: RunStep;
  readonly worker: string;
  readonly outcome: "done" | "later" | "failed";
  readonly error: unknown;
  readonly waitMs: number;
  readonly workMs: number;
  readonly tally: Readonly<Tally>;
};

/** What kind of failure it was; undefined when there was none. */
export const failureOf = (error: unknown) =>
  error instanceof RelayError ? error.failure : error === undefined ? undefined : "fault";

/** One wide line and the figures of a try. docs/metrics.md explains the fields. */
export function tellAttempt(
  { log, metrics, trace }: { readonly log: Log; readonly metrics: Metrics; readonly trace: Pick<Trace, "current"> },
  { run, step, worker, outcome, error, waitMs, workMs, tally }: EndedAttempt,
): void {
  const failure = failureOf(error);
  metrics.attempted({ step, outcome, failure, waitMs, workMs });
  if (tally.bytesIn > 0) metrics.fileMoved("in", tally.bytesIn);
  if (tally.bytesOut > 0) metrics.fileMoved("out", tally.bytesOut);
  if (tally.tokens > 0) metrics.tokensUsed(run.ruleName, tally.tokens);
  const line = {
    runId: run.id,
    ruleName: run.ruleName,
    step,
    outcome,
    waitMs,
    workMs,
    ...tally,
    app: run.app,
    worker,
    traceId: traceIdOf(trace.current() ?? run.traceparent),
  };
  if (error === undefined) log.info("run.attempted", line);
  else
    log.warn("run.attempted", {
      ...line,
      failure,
      code: error instanceof RelayError ? error.code : "fault",
      message: messageOf(error),
    });
}
