import type { StoragePlace } from "../src/fastio/types.ts";
import type { RunRow } from "../src/ledger/schema.ts";

/** The storage that a run's files lie in: the workspace's, or the own one of the share they were uploaded into. */
export const sourcePlaceOf = ({ sourceShareId, workspaceId }: RunRow): StoragePlace =>
  sourceShareId === null ? workspaceId : { shareId: sourceShareId };
