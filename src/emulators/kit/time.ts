import type { Clock } from "../../clock.ts";

/**
 * Emulated time. `now()` stays real time, so that stamps written by an emulator (creation times, webhook
 * signatures, link expiry) compare with those of the program under test; only durations shrink. With a
 * scale of 60 an hour passes in a minute.
 */
export type ScaledTime = Clock & {
  /** Real milliseconds that the given emulated duration takes. */
  span(ms: number): number;
};

/** @throws {RangeError} when the scale is not a positive number */
export function createScaledTime({ clock, scale }: { clock: Clock; scale: number }): ScaledTime {
  if (!(scale > 0 && Number.isFinite(scale))) throw new RangeError("the time scale is a positive number");
  const span = (ms: number) => ms / scale;
  return { now: () => clock.now(), sleep: (ms, signal) => clock.sleep(span(ms), signal), span };
}
