import type { Clock } from "../clock.ts";
import type { FastioEvent } from "../fastio/events/event.ts";
import { hashParts } from "../fastio/events/event-keys.ts";
import { normaliseOpaqueId } from "../fastio/opaque-id.ts";
import type { Fastio, StoragePlace } from "../fastio/types.ts";
import { readCursor, writeCursor } from "../ledger/cursors.ts";
import { type ListedNode, readListing, writeListing } from "../ledger/listed-nodes.ts";
import type { Db } from "../ledger/open-ledger.ts";
import type { Log } from "../telemetry/log.ts";
import { diffListing, type ListingDiff } from "./diff-listing.ts";
import { type Intaken, NOTHING, type TakeIn } from "./take-in.ts";
import type { WatchedWorkspace } from "./watched-workspaces.ts";

export type ReadListingDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "listFolder">;
  readonly takeIn: TakeIn;
  /** Files and folders one listing takes in at most. */
  readonly maxNodes?: number;
};

/** A workspace, or a share with files of its own. */
type ListingScope = Pick<WatchedWorkspace, "id" | "shareOf">;

const MAX_NODES = 20_000;

const listingName = (workspaceId: string): string => `listing ${workspaceId}`;

/**
 * The last resort: lists all files of a workspace and compares them with the listing before.
 * The first listing is only remembered, because it cannot tell what is new. Who did it is unknown, and what came and
 * went between two listings is never seen.
 */
export async function readWholeListing(
  deps: ReadListingDeps,
  scope: ListingScope,
  signal: AbortSignal,
): Promise<Intaken> {
  const { db, clock, log, takeIn } = deps;
  const { id } = scope;
  const { files, complete } = await listFiles(deps, scope.shareOf === undefined ? id : { shareId: id }, signal);
  if (!complete) log.warn("catch_up.listing_cut", { workspaceId: id, files: files.length });
  const first = (await readCursor(db, listingName(id))) === undefined;
  const diff = diffListing(await readListing(db, id), files, complete);
  const intaken = first ? NOTHING : await takeIn(toEvents(scope, diff, clock.now()));
  await writeListing(db, id, diff);
  await writeCursor(db, listingName(id), String(files.length), clock.now());
  return intaken;
}

async function listFiles(
  { fastio, maxNodes = MAX_NODES }: ReadListingDeps,
  place: StoragePlace,
  signal: AbortSignal,
): Promise<{ readonly files: readonly ListedNode[]; readonly complete: boolean }> {
  const files: ListedNode[] = [];
  const folders = ["root"];
  let nodes = 0;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    for await (const node of fastio.listFolder(place, folder, signal)) {
      nodes += 1;
      if (nodes > maxNodes) return { files, complete: false };
      if (node.deleted) continue;
      if (node.kind === "folder") folders.push(node.id);
      else if (node.kind === "file") {
        files.push({
          nodeId: normaliseOpaqueId(node.id),
          versionId: normaliseOpaqueId(node.versionId ?? node.hash?.value ?? ""),
          parentId: normaliseOpaqueId(node.parentId),
          name: node.name,
        });
      }
    }
  }
  return { files, complete: true };
}

/** The same difference is the same event, so that a repeat after a crash is one. */
const toEvents = ({ id, shareOf }: ListingScope, { changes }: ListingDiff, nowMs: number): readonly FastioEvent[] =>
  changes.map(({ node, type }) => ({
    id: `derived-${hashParts("listing", type, id, node.nodeId, node.versionId ?? "", node.parentId, node.name)}`,
    idIsDerived: true,
    source: "listing",
    rawType: `listing:${type}`,
    type,
    occurredAtMs: nowMs,
    receivedAtMs: nowMs,
    workspaceId: shareOf ?? id,
    ...(shareOf !== undefined && { shareId: id }),
    objectKind: "file",
    objectId: node.nodeId,
    ...(node.versionId ? { versionId: node.versionId } : {}),
    raw: "{}",
  }));
