import type { Clock } from "../clock.ts";

/** Tells when somebody has waited too long. Only waiting counts, not what the waiter does in between. */
export type SilenceWatch = {
  /** The waiting begins. @param limitMs milliseconds; 0: it may last for ever */
  begin(limitMs: number): void;
  /** The waiting is over: something came. */
  end(): void;
  /** Nobody will wait any more. */
  close(): void;
};

/** Made once: an abort without a reason of its own makes an error with a stack each time. */
const WOKEN = "woken";

/**
 * One sleep is kept for many short waits, and looks at its end whether it was too early: a timer of its own for each
 * piece of a fast stream costs more than to read the piece.
 */
export function createSilenceWatch(clock: Clock, onSilent: (limitMs: number) => void): SilenceWatch {
  let waiting: { readonly sinceMs: number; readonly limitMs: number } | undefined;
  let asleep: { readonly untilMs: number; readonly control: AbortController } | undefined;

  const sleepUntil = (untilMs: number): void => {
    const control = new AbortController();
    asleep = { untilMs, control };
    clock.sleep(untilMs - clock.now(), control.signal).then(wake, () => undefined);
  };

  const wake = (): void => {
    asleep = undefined;
    if (waiting === undefined) return;
    const { sinceMs, limitMs } = waiting;
    if (clock.now() - sinceMs >= limitMs) onSilent(limitMs);
    else sleepUntil(sinceMs + limitMs);
  };

  const rest = (): void => {
    asleep?.control.abort(WOKEN);
    asleep = undefined;
  };

  return {
    begin: (limitMs) => {
      if (limitMs <= 0) return;
      const sinceMs = clock.now();
      waiting = { sinceMs, limitMs };
      if (asleep !== undefined && asleep.untilMs > sinceMs + limitMs) rest();
      if (asleep === undefined) sleepUntil(sinceMs + limitMs);
    },
    end: () => {
      waiting = undefined;
    },
    close: () => {
      waiting = undefined;
      rest();
    },
  };
}
