import type { Clock } from "../../clock.ts";

/** A clock that can be set ahead, so that what lives for days can be seen to end. Waits take as long as before. */
export function createAdvancingClock(clock: Clock): Clock & { advance(ms: number): void } {
  let aheadMs = 0;
  return {
    now: () => clock.now() + aheadMs,
    sleep: clock.sleep,
    advance: (ms) => {
      aheadMs += ms;
    },
  };
}
