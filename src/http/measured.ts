import { TransientError } from "../errors.ts";
import type { CallOutcome, Metrics } from "../telemetry/metrics.ts";
import { addToTally } from "../telemetry/tally.ts";
import type { Trace } from "../telemetry/trace.ts";
import type { Send } from "./types.ts";

/** Counts and traces each try at a call, as far as the head of its answer. */
export function withMeasure(
  send: Send,
  { metrics, trace }: { readonly metrics: Pick<Metrics, "called">; readonly trace: Pick<Trace, "span"> },
): Send {
  const measured: Send = async (request, signal) => {
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
  return (request, signal) => {
    const { operation: name, method, url } = request;
    const attributes = () => ({
      "http.request.method": method,
      "server.address": url.hostname,
      "server.port": Number(url.port || (url.protocol === "https:" ? 443 : 80)),
      "url.template": templateOf(url),
    });
    return trace.span({ name, kind: "client", attributes }, async (span) => {
      const response = await measured(request, signal);
      span.set({ "http.response.status_code": response.status });
      if (response.status >= 400) span.fail(outcomeOf(response.status));
      return response;
    });
  };
}

/** Words of the API; what else stands in a path names something, or opens it. */
const WORD = /^([a-z][a-z_-]{0,23}|v\d)$/;

/** The path with `{}` for what varies, and never a query: links to files carry their key in either. */
export const templateOf = ({ pathname }: URL): string =>
  pathname
    .split("/")
    .map((part) => (part === "" || WORD.test(part) ? part : "{}"))
    .join("/");

/** @param status of an answer; a redirect is one as any other, since none is followed */
function outcomeOf(status: number): CallOutcome {
  if (status === 429) return "throttled";
  if (status >= 500) return "server_error";
  return status >= 400 ? "client_error" : "ok";
}

function failureOf(error: unknown): CallOutcome {
  if (!(error instanceof TransientError)) return "refused";
  return error.code === "connect_failed" || error.code === "timed_out" ? error.code : "connection_lost";
}
