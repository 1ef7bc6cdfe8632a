import type { ServerResponse } from "node:http";

/** Made once: an abort without a reason of its own makes an error with a stack each time. */
const GONE = new Error("the client went away, or the emulator closes");

/**
 * Aborts when the answer is over, however that came, or the emulator closes. (What `AbortSignal.any` makes costs as much
 * as all else that is done for a small answer.)
 */
export function untilGone(response: ServerResponse, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const end = (): void => {
    closing.removeEventListener("abort", end);
    gone.abort(GONE);
  };
  if (closing.aborted || response.destroyed || response.closed) end();
  else {
    closing.addEventListener("abort", end, { once: true });
    response.once("close", end);
  }
  return gone.signal;
}
