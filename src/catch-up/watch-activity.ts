import type { Clock } from "../clock.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { backoffMs } from "./backoff.ts";

export type WatchDeps = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "pollActivity">;
};

/** The longest hold that proxies on the way leave alone. */
const HOLD_SECONDS = 85;
/** At most one request a second, however much moves: what moved meanwhile is told by the next. */
const PAUSE_MS = 1_000;
/** A server that answers at once although nothing moved does not hold; then we ask seldom. */
const UNHELD_PAUSE_MS = 15_000;
const HELD_AT_LEAST_MS = 500;

/**
 * Keeps one request held by Fast.io that ends when something moves in a workspace. Only a hint: what moved is found
 * out by a pull. Ends when aborted, or when this server or this key has no such thing; pulls then go by the clock.
 */
export async function watchActivity(
  { clock, random, log, fastio }: WatchDeps,
  profileId: string,
  onMoved: (why: "watching" | "activity" | "unwatched") => void,
  signal: AbortSignal,
): Promise<void> {
  let mark: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const askedMs = clock.now();
      const waitSeconds = mark === undefined ? 0 : HOLD_SECONDS;
      const told = await fastio.pollActivity({ profileId, lastActivity: mark, waitSeconds }, signal);
      failures = 0;
      // What happened before the first mark is told by nobody, so the beginning counts as a movement.
      const moved = mark === undefined || told.lastActivity !== mark || told.keys.length > 0;
      if (moved) onMoved(mark === undefined ? "watching" : "activity");
      const unheld = !moved && clock.now() - askedMs < HELD_AT_LEAST_MS;
      mark = told.lastActivity;
      await clock.sleep(unheld ? UNHELD_PAUSE_MS : PAUSE_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof PermanentError && error.code === "unsupported_here") {
        log.info("catch_up.activity_unsupported", { profileId });
        return;
      }
      failures += 1;
      // While nobody tells of movements, a pull now and then has to find them.
      onMoved("unwatched");
      log.debug("catch_up.activity_failed", { profileId, failures, message: messageOf(error) });
      await clock.sleep(backoffMs(failures, error, random), signal).catch(() => undefined);
    }
  }
}
