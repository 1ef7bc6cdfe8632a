import type { Clock } from "../../src/clock.ts";
import { WAITS_FOR_TURN } from "../../src/ledger/turns.ts";
import { endsWithin } from "../ends-within.ts";
import type { RunDesk } from "../run-desk.ts";
import type { Place, Slot } from "./app-gate.ts";

/** A run that waits longer is seen to wait. */
const TOLD_AFTER_MS = 1_000;

/** Waits a short while for a slot of the app, and says so. @returns undefined when none became free */
export async function waitForSlot(clock: Clock, desk: RunDesk, place: Place): Promise<Slot | undefined> {
  desk.waits("slot");
  const waiting = place.slot(desk.signal);
  const tell = async (): Promise<void> => {
    if (await endsWithin(clock, waiting, TOLD_AFTER_MS)) return;
    await desk.checkpoint({ status: "queued", progress: WAITS_FOR_TURN });
  };
  try {
    const [slot] = await Promise.all([waiting, tell()]);
    return slot;
  } catch (error) {
    // Nobody waits for it any more.
    void waiting.then(
      (slot) => slot?.free(),
      () => undefined,
    );
    throw error;
  }
}
