import type { Clock } from "../../src/clock.ts";
import { freeSlot, handOverSlot, type TakenSlot, takeSlot } from "../../src/ledger/app-slots.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import type { TellFailure } from "../../src/telemetry/tell-seldom.ts";
import { createTurns } from "./turns.ts";

export type WaitingRun = { readonly id: string; readonly workspaceId: string; readonly createdAtMs: number };

export type SlotLineDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly tell: TellFailure;
  readonly app: string;
  /** Names this process. */
  readonly owner: string;
  /** Asked when no slot is free. @returns whether there is one more now */
  readonly raise: () => Promise<boolean>;
};

/** The runs of this process that stand ready for one app: workspaces take turns, and of each the oldest run is first. */
export type SlotLine = {
  readonly isEmpty: () => boolean;
  /** Waits a short while. @returns undefined when no slot became free */
  wait(run: WaitingRun, signal: AbortSignal): Promise<TakenSlot | undefined>;
  /** Gives free slots to those who stand here, which may be none. */
  pump(): void;
  /** Gives a slot to whoever is first, so that nothing is at work in it for no moment. @returns false when it is to be freed */
  passOn(mine: TakenSlot): Promise<boolean>;
};

/** How long a run may hold a worker for nothing. */
const MAX_WAIT_MS = 5_000;
/** How often slots that other processes freed are looked for while runs stand ready. */
const POLL_MS = 250;

type Waiter = {
  readonly run: WaitingRun;
  /** @returns false when it has given up waiting */
  readonly give: (slot: TakenSlot) => boolean;
  /** Back into the line, from which it was taken for nothing. */
  readonly waitOn: () => void;
};

export function createSlotLine({ db, clock, tell, app, owner, raise }: SlotLineDeps): SlotLine {
  let waiters: readonly Waiter[] = [];
  let poll: NodeJS.Timeout | undefined;
  let isPumping = false;
  let pumpAgain = false;
  const turns = createTurns<Waiter>(({ run }) => run);
  const lineUp = (waiter: Waiter): void => {
    waiters = [...waiters, waiter];
    poll ??= setInterval(pump, POLL_MS);
  };
  const leave = (waiter: Waiter): void => {
    waiters = waiters.filter((other) => other !== waiter);
    if (waiters.length > 0) return;
    clearInterval(poll);
    poll = undefined;
  };

  const giveSlots = async (): Promise<void> => {
    do {
      pumpAgain = false;
      for (let first = turns.next(waiters); first; first = turns.next(waiters)) {
        const taken = await takeSlot(db, { app, runId: first.run.id, owner }, clock.now());
        if (taken) {
          // Who waited in vain may have left meanwhile.
          if (!first.give(taken)) await freeSlot(db, taken);
        } else if (!(await raise())) break;
      }
    } while (pumpAgain);
  };

  const pump = (): void => {
    pumpAgain = true;
    if (isPumping) return;
    isPumping = true;
    giveSlots()
      .catch((error: unknown) => tell("take", error))
      .finally(() => {
        isPumping = false;
      });
  };

  return {
    isEmpty: () => waiters.length === 0,
    pump,
    passOn: async (mine) => {
      const next = turns.next(waiters);
      if (!next) return false;
      leave(next);
      const given = await handOverSlot(db, mine, next.run.id, clock.now()).catch(() => undefined);
      if (given && next.give(given)) return true;
      if (given) await freeSlot(db, given).catch(() => undefined);
      else next.waitOn();
      return false;
    },
    wait: (run, signal) =>
      new Promise((resolve, reject) => {
        const over = new AbortController();
        let isOver = false;
        const end = (): void => {
          isOver = true;
          leave(me);
          over.abort("over"); // with a word: without one it makes an error with a stack
          signal.removeEventListener("abort", stop);
        };
        const stop = (): void => {
          end();
          reject(signal.reason);
        };
        const me: Waiter = {
          run,
          give: (slot) => {
            if (isOver) return false;
            turns.served(me);
            end();
            resolve(slot);
            return true;
          },
          waitOn: () => {
            if (!isOver) lineUp(me);
          },
        };
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener("abort", stop);
        lineUp(me);
        clock.sleep(MAX_WAIT_MS, over.signal).then(
          () => {
            end();
            resolve(undefined);
          },
          () => undefined,
        );
        pump();
      }),
  };
}
