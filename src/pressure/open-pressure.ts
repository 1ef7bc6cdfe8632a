import { statfs } from "node:fs/promises";
import type { QueueBackend } from "../../queues/backend.ts";
import type { Clock } from "../clock.ts";
import { TransientError } from "../errors.ts";
import type { Accept } from "../ledger/accept.ts";
import { readEventOutbox } from "../ledger/backlog.ts";
import type { Ledger } from "../ledger/open-ledger.ts";
import type { Log } from "../telemetry/log.ts";
import { createCommitMeter } from "./commit-meter.ts";
import type { PressureLimits } from "./judge-pressure.ts";
import { type Pressure, watchPressure } from "./watch-pressure.ts";

export type OpenPressureDeps = {
  readonly limits: PressureLimits;
  readonly ledger: Pick<Ledger, "db" | "folder">;
  readonly backend: Pick<QueueBackend, "memory">;
  readonly clock: Clock;
  readonly log: Log;
};

/** Watches what a process depends on. @returns with its `accept`, measured, and closed to what can wait elsewhere */
export function openPressure(
  bare: Accept,
  { limits, ledger, backend, clock, log }: OpenPressureDeps,
): { readonly pressure: Pressure; readonly accept: Accept; stop(): void } {
  const { measured, lagMs } = createCommitMeter(bare);
  const { stop, ...pressure } = watchPressure({
    limits,
    ledgerLagMs: lagMs,
    ask: {
      outbox: () => readEventOutbox(ledger.db),
      queueMemory: () => backend.memory(),
      freeBytes: async () => (ledger.folder === undefined ? undefined : freeBytesAt(ledger.folder)),
    },
    clock,
    log,
  });
  return { pressure, accept: withPressure(measured, pressure), stop };
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

async function freeBytesAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
