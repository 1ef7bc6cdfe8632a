import type { Clock } from "../clock.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "./log.ts";

/** After so long without a failure the same one is news. */
const QUIET_MS = 60_000;

/** A failure of something that is tried again and again. @param what was tried */
export type TellFailure = (what: string, error: unknown) => void;

/**
 * One line in the log for each way in which something fails, and the next one only after a minute without it: what is
 * tried several times a second would fill the log for as long as the ledger is away.
 */
export function tellSeldom({ log, clock }: { readonly log: Log; readonly clock: Pick<Clock, "now"> }, event: string) {
  const failedAtMs = new Map<string, number>();
  const tell: TellFailure = (what, error) => {
    const message = messageOf(error);
    const nowMs = clock.now();
    for (const [old, atMs] of failedAtMs) if (nowMs - atMs >= QUIET_MS) failedAtMs.delete(old);
    const key = `${what} ${message}`;
    if (!failedAtMs.has(key)) log.warn(event, { what, message });
    failedAtMs.set(key, nowMs);
  };
  return tell;
}
