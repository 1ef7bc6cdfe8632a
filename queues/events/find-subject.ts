import type { Clock } from "../../src/clock.ts";
import type { RememberingFastio } from "../../src/fastio/remember-places.ts";
import type { FastioNode, FastioShare, FastioWorkspace, StoragePlace } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { drawReading } from "../../src/ledger/readings.ts";
import type { EventRow } from "../../src/ledger/schema.ts";
import { locateNode, type NodePlace } from "./locate-node.ts";

/** The file an event is about, and where it lies. */
export type EventSubject = {
  readonly node: FastioNode;
  /** The storage it lies in. */
  readonly storage: StoragePlace;
  readonly place: NodePlace;
  readonly workspaceId: string;
  /** undefined when nobody tells its name. */
  readonly workspace: FastioWorkspace | undefined;
  /** The share, when the file lies in its own storage. */
  readonly share: FastioShare | undefined;
  /** When it began to be read, by the clock of who read. */
  readonly seenAtMs: number;
  /** Of two readings that with the larger number began later, and saw the newer version. */
  readonly reading: number;
};

type FindDeps = {
  readonly fastio: Pick<RememberingFastio, "readNode" | "readFolder" | "readShare" | "readWorkspace">;
  readonly clock: Clock;
  readonly db: Db;
};

/**
 * Reads the file once.
 * @returns why there is nothing to read, in words
 * @throws {PermanentError} `not_found` (gone) when it, its share or a folder above it has vanished
 */
export async function findSubject(
  { fastio, clock, db }: FindDeps,
  event: EventRow,
  signal: AbortSignal,
): Promise<EventSubject | string> {
  if (event.objectId === null) return "the event names no file in a workspace";
  const home = await findHome(fastio, event, signal);
  if (typeof home === "string") return home;
  const { workspaceId, share } = home;
  const storage = share === undefined ? workspaceId : { shareId: share.id };
  const reading = await drawReading(db);
  const seenAtMs = clock.now();
  const node = await fastio.readNode(storage, event.objectId, signal);
  if (node.deleted) return "the file is in the trash";
  const place = await locateNode(fastio, storage, node, signal);
  return {
    node,
    storage,
    place,
    workspaceId,
    workspace: await fastio.readWorkspace(workspaceId, signal),
    share,
    seenAtMs,
    reading,
  };
}

/** A share that shows a folder has no files of its own: they are the workspace's. */
async function findHome(
  fastio: FindDeps["fastio"],
  { workspaceId, shareId }: EventRow,
  signal: AbortSignal,
): Promise<{ readonly workspaceId: string; readonly share: FastioShare | undefined } | string> {
  const share = shareId === null ? undefined : await fastio.readShare(shareId, signal);
  const home = share?.workspaceId ?? workspaceId;
  if (home === null) {
    if (shareId === null) return "the event names no file in a workspace";
    return share ? "nobody tells which workspace the share belongs to" : "the share is gone";
  }
  const isOwn = share?.storage === undefined ? share?.folderNodeId === undefined : share.storage === "own";
  return { workspaceId: home, share: isOwn ? share : undefined };
}
