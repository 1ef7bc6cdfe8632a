import { TransientError } from "../errors.ts";
import type { CallOutcome, Metrics } from "../telemetry/metrics.ts";
import { addToTally } from "../telemetry/tally.ts";
import type { Send } from "./types.ts";

/** Counts each try at a call, and how long the head of its answer took. */
export function withMeasure(send: Send, metrics: Pick<Metrics, "called">): Send {
  return async (request, signal) => {
    const startedMs = performance.now();
    const tell = (outcome: CallOutcome): void =>
      metrics.called({ operation: request.operation, outcome, ms: performance.now() - startedMs });
    addToTally({ upstreamCalls: 1 });
    try {
      const response = await send(request, signal);
      tell(outcomeOf(response.status));
      return response;
    } catch (error) {
      tell(signal.aborted ? "aborted" : failureOf(error));
      throw error;
    }
  };
}

/** @param status of an answer; a redirect is one as any other, since none is followed */
export function outcomeOf(status: number): CallOutcome {
  if (status === 429) return "throttled";
  if (status >= 500) return "server_error";
  return status >= 400 ? "client_error" : "ok";
}

function failureOf(error: unknown): CallOutcome {
  if (!(error instanceof TransientError)) return "refused";
  return error.code === "connect_failed" || error.code === "timed_out" ? error.code : "connection_lost";
}
