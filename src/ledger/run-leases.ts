import { and, isNotNull, isNull, or, sql } from "drizzle-orm";
import { type ClaimWish, createClaim, createRenew, type RenewWish, type Surroundings } from "./claim-runs.ts";
import { doTogether } from "./do-together.ts";
import { findRun } from "./find-run.ts";
import type { Db } from "./open-ledger.ts";
import { type RunRow, runs } from "./schema.ts";
import { type Checkpoint, createWriteCheckpoints, type Written } from "./write-checkpoints.ts";

export type Claim =
  | { readonly kind: "claimed"; readonly run: RunRow; readonly around: Surroundings }
  /** Until the end of the other's lease, or until it is due. */
  | { readonly kind: "held"; readonly untilMs: number }
  /** Nothing is left to do for this queue. */
  | { readonly kind: "finished" };

/**
 * How workers hold runs. What the workers of one process ask for at the same time goes to the ledger in one statement,
 * and is committed when they are answered.
 */
export type RunLeases = {
  /** Takes a run for one worker until the lease ends. */
  claim(wish: ClaimWish): Promise<Claim>;
  /** Lengthens a lease. @returns undefined when it was lost; else when somebody asked to cancel the run, if so */
  renew(wish: RenewWish): Promise<Pick<RunRow, "cancelAskedAtMs"> | undefined>;
  /** Writes a checkpoint, provided the lease is still ours. @returns undefined when it was lost */
  checkpoint(checkpoint: Checkpoint): Promise<Written | undefined>;
};

export function createRunLeases(db: Db): RunLeases {
  const claimTogether = doTogether(createClaim(db));
  const nameOf = ({ id }: { readonly id: string }): string => id;
  return {
    claim: async (wish) => {
      const claimed = await claimTogether(wish);
      if (claimed) return { kind: "claimed", ...claimed };
      const found = await findRun(db, wish.id);
      return found?.queue === wish.queue
        ? { kind: "held", untilMs: Math.max(found.leaseUntilMs, found.notBeforeMs) }
        : { kind: "finished" };
    },
    renew: doTogether(createRenew(db), { most: 1_000, nameOf }),
    checkpoint: doTogether(createWriteCheckpoints(db), { nameOf }),
  };
}

/**
 * Frees every lease: right after start on an embedded ledger, whose only user is this process. Runs are held for what is
 * left to do with them, or to close their link, and are looked for among those: years of ended ones are not read.
 */
export async function releaseAllLeases(db: Db): Promise<void> {
  // 'relay' word for word as in the index, or the planner does not see that it fits.
  const hasOpenLink = and(
    isNull(runs.shareClosedAtMs),
    or(isNotNull(runs.shareCloseAskedAtMs), sql`${runs.shareExpiresBy} = 'relay'`),
  );
  await db
    .update(runs)
    .set({ leaseOwner: null, leaseUntilMs: 0 })
    .where(and(isNotNull(runs.leaseOwner), or(isNotNull(runs.queue), hasOpenLink)));
}
