import { and, isNull, ne, or, type SQL } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import type { RunFilter } from "./run-filter.ts";
import { matching } from "./run-handles.ts";
import { type BulkDeed, type RunStatus, runs } from "./schema.ts";

/** Where a run may stand to which each can be done. */
const TARGETS: Readonly<Record<BulkDeed, readonly RunStatus[]>> = {
  replay: ["failed", "cancelled", "delivered", "paused"],
  cancel: ["queued", "fetching", "running", "delivering", "paused", "held"],
  release: ["held"],
};
/** Those that are meant when nobody says where they stand: nothing that went well is done again by an oversight. */
const MEANT: Readonly<Record<BulkDeed, readonly RunStatus[]>> = { ...TARGETS, replay: ["failed"] };

/** The statuses of the runs that are meant; empty when none of those asked for can have it done. */
export function statusesFor(deed: BulkDeed, { statuses }: RunFilter): readonly RunStatus[] {
  return statuses === undefined ? MEANT[deed] : TARGETS[deed].filter((status) => statuses.includes(status));
}

/** Which runs are meant by a filter, and can have this done. */
export function targetsOf(db: Db, deed: BulkDeed, filter: RunFilter): SQL | undefined {
  return and(
    matching(db, { ...filter, statuses: statusesFor(deed, filter) }),
    // One that asks a person is still at work; only what was laid aside begins again.
    deed === "replay" ? or(ne(runs.status, "paused"), isNull(runs.queue)) : undefined,
    deed === "cancel" ? isNull(runs.cancelAskedAtMs) : undefined,
  );
}

export type Targets = { readonly deed: BulkDeed; readonly filter: RunFilter };
