import type { Clock } from "../../src/clock.ts";
import {
  endRest,
  listWaitingApps,
  lowerAppLimit,
  openAppLimit,
  raiseAppLimit,
  readAppRoom,
} from "../../src/ledger/app-limits.ts";
import { admitSlot, freeSlot, occupySlot, renewSlot, type TakenSlot } from "../../src/ledger/app-slots.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { callWaitingRuns } from "../../src/ledger/turns.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { tellSeldom } from "../../src/telemetry/tell-seldom.ts";
import type { Outbox } from "../outbox.ts";
import type { Lookout } from "../upkeep/lookout.ts";
import { createSlotLine, type SlotLine, type WaitingRun } from "./slot-line.ts";

export type AppGateDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
  readonly outbox: Pick<Outbox, "sendCalled">;
  readonly lookout: Pick<Lookout, "until">;
  /** Slots of an app to begin with, and the most it is ever tried with. */
  readonly limit: { readonly start: number; readonly ceiling: number };
};

/** Leave to run one workflow in an app. Its end is told once; repeats do nothing. */
export type Slot = {
  /** The app has taken the run. */
  admitted(): Promise<void>;
  /** The app is busy. @param retryAfterMs what it asked for */
  refused(retryAfterMs: number | undefined): Promise<void>;
  free(): Promise<void>;
};

/** Where a run that is to be started makes itself ready, and then waits for its turn. */
export type Place = {
  /** Waits a short while; workspaces take turns. @returns undefined when no slot became free */
  slot(signal: AbortSignal): Promise<Slot | undefined>;
  /** @param next whether another run may have the place now: not when this one waited in vain */
  leave(next: boolean): void;
};

/**
 * One process's way to the slots that all processes share. A few runs stand ready here, with their files sent ahead,
 * so that a slot is not free for long; all others wait in the ledger, outside of the queue, and are called one by one.
 */
export type AppGate = {
  /** @returns undefined when enough runs stand ready: this one is to wait in the ledger */
  enter(app: string, run: WaitingRun): Promise<Place | undefined>;
  /** For a run that the app works on already. */
  occupy(app: string, runId: string): Promise<Slot | undefined>;
  close(): void;
};

/** How often the ledger is asked for runs that nobody called. */
const TICK_MS = 2_000;
const RENEW_MS = 1_000;
const RAISE_EVERY_MS = 1_000;
/** Runs that stand ready for each slot, and the most of them in one process. */
const READY_PER_SLOT = 2;
const MOST_READY = 16;

type AppState = {
  readonly app: string;
  slots: number;
  /** Runs with a place and no slot yet. */
  ready: number;
  /** Runs that were called and have not come yet. */
  called: number;
  /** Whether runs may wait in the ledger. */
  hasWaiting: boolean;
  readonly line: SlotLine;
  raiseAskedMs: number;
  /** Whether the app refused a run of this process since it last took one. */
  isResting: boolean;
};

export function createAppGate(deps: AppGateDeps): AppGate {
  const { db, clock, log, outbox, lookout, limit } = deps;
  const tell = tellSeldom(deps, "app.gate");
  const owner = deps.newId();
  const apps = new Map<string, Promise<AppState>>();
  const stopping = new AbortController();
  const quietly = (what: string, work: () => Promise<unknown>): void => {
    work().catch((error: unknown) => tell(what, error));
  };
  const underway = new Set<string>();
  /**
   * For what a timer asks for: not asked again while it is still waited for. A ledger whose tables somebody has locked
   * would be asked by ever more, until no connection was left for what could be done.
   */
  const quietlyOnce = (what: string, about: string, work: () => Promise<unknown>): void => {
    const key = `${what} ${about}`;
    if (underway.has(key)) return;
    underway.add(key);
    quietly(what, () => work().finally(() => underway.delete(key)));
  };

  const stateOf = (app: string): Promise<AppState> => {
    const known = apps.get(app);
    if (known !== undefined) return known;
    const opening = openAppLimit(db, app, limit, clock.now()).then(({ slots }) => {
      const state: AppState = {
        app,
        slots,
        ready: 0,
        called: 0,
        hasWaiting: false,
        line: createSlotLine({ db, clock, tell, app, owner, raise: () => raise(state) }),
        raiseAskedMs: 0,
        isResting: false,
      };
      return state;
    });
    apps.set(app, opening);
    opening.catch(() => apps.delete(app));
    return opening;
  };

  const roomIn = (state: AppState): number =>
    Math.min(MOST_READY, READY_PER_SLOT * state.slots) - state.ready - state.called;

  /** Lets runs come that wait in the ledger, as many as there are places. */
  const call = async (state: AppState): Promise<void> => {
    const most = roomIn(state);
    if (!state.hasWaiting || most <= 0) return;
    state.called += most;
    const coming = await callWaitingRuns(db, state.app, most, clock.now());
    state.called = Math.max(0, state.called - (most - coming.length));
    if (coming.length < most) state.hasWaiting = false;
    await outbox.sendCalled(coming);
  };

  const raise = async (state: AppState): Promise<boolean> => {
    const nowMs = clock.now();
    if (nowMs - state.raiseAskedMs < RAISE_EVERY_MS) return false;
    state.raiseAskedMs = nowMs;
    const slots = await raiseAppLimit(db, state.app, limit.ceiling, nowMs);
    if (slots === undefined) return false;
    state.slots = slots;
    log.info("app.limit_raised", { app: state.app, slots });
    return true;
  };

  const hold = (state: AppState, taken: TakenSlot): Slot => {
    let ended = false;
    const timer = setInterval(
      () => quietlyOnce("renew", `${taken.app} ${taken.slot}`, () => renewSlot(db, taken, clock.now())),
      RENEW_MS,
    );
    const end = async (): Promise<void> => {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      if (!(await state.line.passOn(taken))) {
        // A slot that cannot be freed now ends by itself.
        await freeSlot(db, taken).catch(() => undefined);
        state.line.pump();
      }
      if (state.line.isEmpty()) quietly("call", () => call(state));
    };
    return {
      admitted: async () => {
        await admitSlot(db, taken, clock.now());
        if (!state.isResting) return;
        state.isResting = false;
        await endRest(db, state.app);
      },
      free: end,
      refused: async (retryAfterMs) => {
        if (ended) return;
        const row = await lowerAppLimit(db, taken, clock.now(), retryAfterMs);
        if (row && row.slots !== state.slots) {
          log.warn("app.limit_lowered", { app: state.app, slots: row.slots, was: state.slots });
          state.slots = row.slots;
        }
        state.hasWaiting = true;
        state.isResting = true;
        ended = true;
        clearInterval(timer);
        await freeSlot(db, taken).catch(() => undefined);
      },
    };
  };

  const placeIn = (state: AppState, run: WaitingRun): Place => {
    let standing = true;
    const stepOut = (): void => {
      if (!standing) return;
      standing = false;
      state.ready -= 1;
    };
    return {
      slot: async (signal) => {
        const taken = await state.line.wait(run, signal);
        if (!taken) return undefined;
        stepOut();
        quietly("call", () => call(state));
        return hold(state, taken);
      },
      leave: (next) => {
        const stood = standing;
        stepOut();
        if (!next) state.hasWaiting = true;
        else if (stood) quietly("call", () => call(state));
      },
    };
  };

  /** A ledger that was made anew under a relay at work knows no limits: without one nothing would ever be called. */
  const roomOf = async (app: string): ReturnType<typeof readAppRoom> => {
    const room = await readAppRoom(db, app, clock.now());
    if (room.slots > 0) return room;
    const { slots } = await openAppLimit(db, app, limit, clock.now());
    return { slots, free: slots };
  };
  const lookAfter = async (app: string): Promise<void> => {
    const state = await stateOf(app);
    state.hasWaiting = true;
    // Those that were called and did not come here went to another process.
    state.called = 0;
    const { slots, free } = await roomOf(app);
    state.slots = slots;
    if (free > 0 || (await raise(state))) await call(state);
  };
  const tick = async (): Promise<void> => {
    // Each for itself: trouble with one app keeps no other app's runs waiting.
    for (const app of await listWaitingApps(db)) quietlyOnce("call", app, () => lookAfter(app));
  };
  const { signal } = stopping;
  void (async () => {
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal).catch(() => undefined);
      await lookout.until("turns", signal);
      if (!signal.aborted) await tick().catch((error: unknown) => tell("tick", error));
    }
  })();

  return {
    enter: async (app, run) => {
      const state = await stateOf(app);
      state.called = Math.max(0, state.called - 1);
      // Where one comes, more may wait in the ledger.
      state.hasWaiting = true;
      if (roomIn(state) <= 0) return undefined;
      state.ready += 1;
      return placeIn(state, run);
    },
    occupy: async (app, runId) => {
      const state = await stateOf(app);
      const taken = await occupySlot(db, { app, runId, owner }, clock.now());
      return taken && hold(state, taken);
    },
    close: () => stopping.abort(new Error("the worker closes")),
  };
}
