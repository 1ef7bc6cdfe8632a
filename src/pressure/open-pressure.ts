import type { QueueBackend } from "../../queues/backend.ts";
import type { Lookout } from "../../queues/upkeep/lookout.ts";
import type { Clock } from "../clock.ts";
import { freeBytesAt } from "../disk/room-on-disk.ts";
import { TransientError } from "../errors.ts";
import type { Accept } from "../ledger/accept.ts";
import { NO_BACKLOG, readEventOutbox } from "../ledger/backlog.ts";
import type { Ledger } from "../ledger/open-ledger.ts";
import type { Log } from "../telemetry/log.ts";
import { createCommitMeter } from "./commit-meter.ts";
import type { PressureLimits } from "./judge-pressure.ts";
import { type Pressure, watchPressure } from "./watch-pressure.ts";

export type OpenPressureDeps = {
  readonly limits: PressureLimits;
  readonly ledger: Pick<Ledger, "db" | "folder">;
  readonly backend: Pick<QueueBackend, "memory">;
  readonly lookout: Pick<Lookout, "sees">;
  readonly clock: Clock;
  readonly log: Log;
};

/** While there is nothing to hand over, nothing is added to the queue. */
const MEMORY_AT_REST_MS = 10_000;

/** Watches what a process depends on. @returns with its `accept`, measured, and closed to what can wait elsewhere */
export function openPressure(
  bare: Accept,
  { limits, ledger, backend, lookout, clock, log }: OpenPressureDeps,
): { readonly pressure: Pressure; readonly accept: Accept; readonly commitsFail: () => boolean; stop(): void } {
  const { measured, lagMs, fails } = createCommitMeter(bare);
  const isBusy = (): boolean => lookout.sees("handOver");
  const { stop, ...pressure } = watchPressure({
    limits,
    ledgerLagMs: lagMs,
    ask: {
      outbox: async () => (isBusy() ? readEventOutbox(ledger.db) : NO_BACKLOG), // none waits for anything
      queueMemory: rarelyAtRest(() => backend.memory(), isBusy, clock),
      freeBytes: async () => (ledger.folder === undefined ? undefined : freeBytesAt(ledger.folder)),
    },
    clock,
    log,
  });
  return { pressure, accept: withPressure(measured, pressure), commitsFail: fails, stop };
}

/** Asks each time while there is work, and now and then otherwise. */
function rarelyAtRest<T>(ask: () => Promise<T>, isBusy: () => boolean, clock: Clock): () => Promise<T | undefined> {
  let known: T | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (!isBusy() && clock.now() - askedAtMs < MEMORY_AT_REST_MS) return known;
    known = await ask();
    askedAtMs = clock.now();
    return known;
  };
}

/** What catch-up found stays where it is until it can be taken; what came by webhook was asked at the door. */
export const withPressure =
  (accept: Accept, pressure: Pick<Pressure, "retryAfterSeconds">): Accept =>
  async (intake) => {
    const waitSeconds = intake.kind === "pulled" ? pressure.retryAfterSeconds() : undefined;
    if (waitSeconds === undefined) return accept(intake);
    throw new TransientError(
      "ledger_unavailable",
      "the relay takes nothing in for now: something is too full or too slow",
      {
        retryAfterMs: waitSeconds * 1_000,
      },
    );
  };
