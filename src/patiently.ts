import type { Clock } from "./clock.ts";
import { PermanentError, TransientError } from "./errors.ts";

const PAUSES_MS = [1_000, 4_000, 16_000] as const;
/** The longest window that Fast.io counts requests in. */
const LONGEST_PAUSE_MS = 600_000;

/**
 * Does a part of a long piece of work, again after 1, 4 and 16 seconds where it fails in passing, or after as long as the
 * upstream asks for: all that was done before would have to be done anew. The part may be a commit, or a request whose
 * own tries, which its client makes within moments, are used up.
 * @throws what it failed with at last; at once what is permanent, and what asks for more than ten minutes
 */
export async function patiently<T>(
  work: () => Promise<T>,
  { clock, signal }: { readonly clock: Pick<Clock, "sleep">; readonly signal: AbortSignal },
): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await work();
    } catch (error) {
      const askedMs = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
      if (signal.aborted || error instanceof PermanentError || askedMs > LONGEST_PAUSE_MS) throw error;
      await clock.sleep(Math.max(pauseMs, askedMs), signal);
    }
  }
  return work();
}
