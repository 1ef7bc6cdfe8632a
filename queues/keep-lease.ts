import type { Clock } from "../src/clock.ts";
import { TransientError } from "../src/errors.ts";
import type { RunLeases } from "../src/ledger/run-leases.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";

/** How long a worker may be silent before another takes its run over. */
export const LEASE_MS = 5_000;
const RENEW_MS = 1_000;
/** How long before its end a lease that was not renewed is given up: nobody else can have it yet. */
const MARGIN_MS = 500;

export type KeepLeaseDeps = { readonly leases: Pick<RunLeases, "renew">; readonly clock: Clock; readonly log: Log };

export type KeptLease = {
  /** Ends when the lease is lost, or about to be because the ledger does not answer. */
  readonly lost: AbortSignal;
  /** Ends when somebody asked to cancel the run. */
  readonly cancelled: AbortSignal;
  /** For whoever learns of that first, by a checkpoint. */
  readonly cancel: () => void;
  readonly stop: () => void;
};

/**
 * Renews the lease of a run until stopped. Counted from before a renewal was asked for, so that a slow answer does not
 * lengthen the lease, and by a clock that nobody sets: one that is put ahead takes no run from its worker. The answer also
 * tells whether the run is to be cancelled: its worker learns so within a second.
 */
export function keepLease({ leases, clock, log }: KeepLeaseDeps, runId: string, owner: string): KeptLease {
  const lost = new AbortController();
  const cancelled = new AbortController();
  const cancel = (): void => cancelled.abort(new TransientError("run_cancelled", "somebody asked to cancel the run"));
  let securedMs = performance.now();
  let asking = false;
  const renew = async (): Promise<void> => {
    if (performance.now() - securedMs > LEASE_MS - MARGIN_MS) {
      lost.abort(new TransientError("lease_lost", "the lease ran out while the ledger did not answer"));
    }
    if (asking) return;
    asking = true;
    const askedMs = performance.now();
    try {
      const kept = await leases.renew({ id: runId, owner, untilMs: clock.now() + LEASE_MS });
      if (!kept) lost.abort(new TransientError("lease_lost", "another worker has this run"));
      else if (kept.cancelAskedAtMs !== null) cancel();
      if (kept) securedMs = askedMs;
    } catch (error) {
      // As long as the lease stands nobody else can have taken the run.
      log.warn("lease.not_renewed", { runId, message: messageOf(error) });
    } finally {
      asking = false;
    }
  };
  const timer = setInterval(() => void renew(), RENEW_MS);
  return { lost: lost.signal, cancelled: cancelled.signal, cancel, stop: () => clearInterval(timer) };
}
