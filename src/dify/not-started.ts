import { RelayError } from "../errors.ts";
import { TransportError } from "../http/transport-error.ts";

/**
 * Whether a failed `startRun` surely left no run behind, so that starting again cannot double it.
 *
 * Sure are: nothing was sent (no connection), and a refusal with a 3xx or 4xx status other than 408.
 * Everything else (5xx, time-outs, resets, a stream that broke) leaves it open: look the run up first.
 */
export function wasSurelyNotStarted(error: unknown): boolean {
  if (error instanceof TransportError) return !error.sent;
  if (!(error instanceof RelayError)) return false;
  if (error.code === "host_refused") return true;
  const { status } = error;
  return status !== undefined && status >= 300 && status < 500 && status !== 408;
}
