import type { ScaledTime } from "../../kit/time.ts";
import type { Hook } from "../store/hooks.ts";

const HOUR_MS = 3_600_000;

/**
 * Lets as many deliveries of a webhook begin in an (emulated) hour as its `rate_limit_per_hour` says; the others
 * wait for their turn, in order. Retries are not counted.
 */
export function createHourlyCap(
  time: ScaledTime,
  closing: AbortSignal,
): (hook: Pick<Hook, "id" | "rateLimitPerHour">) => Promise<void> {
  const begun = new Map<string, number[]>();
  const turns = new Map<string, Promise<void>>();
  const sleepUntil = async (startMs: number): Promise<void> => {
    const waitMs = startMs - time.now();
    // Back to emulated milliseconds, which is what sleeping takes.
    if (waitMs > 0) await time.sleep(waitMs * (HOUR_MS / time.span(HOUR_MS)), closing);
  };
  return async (hook) => {
    if (hook.rateLimitPerHour === 0) return;
    const starts = begun.get(hook.id) ?? [];
    begun.set(hook.id, starts);
    // The place in line is taken before waiting, so that those behind count from it.
    const before = starts.at(-hook.rateLimitPerHour);
    const startMs = Math.max(time.now(), before === undefined ? 0 : before + time.span(HOUR_MS));
    starts.push(startMs);
    // One after the other: of two timers for the same moment the later may come a millisecond before.
    const turn = (turns.get(hook.id) ?? Promise.resolve()).then(() => sleepUntil(startMs));
    turns.set(hook.id, turn);
    await turn;
  };
}
