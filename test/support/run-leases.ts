import type { Db } from "../../src/ledger/open-ledger.ts";
import { type Claim, createRunLeases } from "../../src/ledger/run-leases.ts";
import type { RunQueue } from "../../src/ledger/schema.ts";
import type { CheckpointOptions, RunChange } from "../../src/ledger/write-checkpoints.ts";

/** What a worker of a process of its own does to one run. */
export const claimRun = (
  db: Db,
  id: string,
  queue: RunQueue,
  lease: { readonly owner: string; readonly nowMs: number; readonly untilMs: number },
): Promise<Claim> => createRunLeases(db).claim({ id, queue, ...lease });

export const renewLease = (db: Db, id: string, owner: string, untilMs: number) =>
  createRunLeases(db).renew({ id, owner, untilMs });

export const checkpointRun = (
  db: Db,
  id: string,
  owner: string,
  change: RunChange,
  nowMs: number,
  options: CheckpointOptions = {},
) => createRunLeases(db).checkpoint({ id, owner, change, nowMs, ...options });
