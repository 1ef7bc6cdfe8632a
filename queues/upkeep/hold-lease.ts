import type { Clock } from "../../src/clock.ts";
import { dropLease, takeLease } from "../../src/ledger/leases.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";

export type LeaseDeps = { readonly db: Db; readonly clock: Clock };

export type LeaseTerms = {
  readonly name: string;
  readonly owner: string;
  /** After the death of its owner another may take it within this time. */
  readonly lastsMs: number;
  readonly renewMs: number;
};

export type Lease = {
  /** @returns whether it is ours now */
  take(): Promise<boolean>;
  /** Does work for as long as the lease, which is taken, stays ours; the work's signal ends with it. */
  during<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  drop(): Promise<void>;
};

/** What only one process may do at a time. A ledger that does not answer counts as a lease that is not ours. */
export function openLease({ db, clock }: LeaseDeps, { name, owner, lastsMs, renewMs }: LeaseTerms): Lease {
  const take = () => takeLease(db, { name, owner, untilMs: clock.now() + lastsMs }, clock.now()).catch(() => false);
  return {
    take,
    during: async (work, stopped) => {
      const over = new AbortController();
      const signal = AbortSignal.any([stopped, over.signal]);
      const renewing = (async () => {
        for (;;) {
          await clock.sleep(renewMs, signal).catch(() => undefined);
          if (signal.aborted) return;
          if (!(await take())) over.abort(new Error(`another process has the lease ${name}`));
        }
      })();
      try {
        return await work(signal);
      } finally {
        over.abort(new Error("done"));
        await renewing;
      }
    },
    drop: () => dropLease(db, name, owner).catch(() => undefined),
  };
}
