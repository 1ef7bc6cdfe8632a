import { PermanentError } from "../../src/errors.ts";
import { sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { RememberingFastio } from "../../src/fastio/remember-places.ts";
import type { FastioNode, StoragePlace } from "../../src/fastio/types.ts";

export type NodePlace = {
  /** Path of the folder the node is in: `/` or `/Inbox/2026`. */
  readonly folderPath: string;
  /** Ids of the folders above the node, the nearest first; `root` is not among them. */
  readonly ancestorIds: readonly string[];
};

/** Deeper trees than this are taken for a loop. */
const MAX_DEPTH = 64;

/**
 * Walks from a node up to the root of its storage.
 * @throws {PermanentError} `not_found` (gone) when a folder above it has vanished
 */
export async function locateNode(
  fastio: Pick<RememberingFastio, "readFolder">,
  storage: StoragePlace,
  node: FastioNode,
  signal: AbortSignal,
): Promise<NodePlace> {
  const names: string[] = [];
  const ancestorIds: string[] = [];
  let parentId = node.parentId;
  while (parentId !== "root") {
    const current = parentId;
    if (ancestorIds.length >= MAX_DEPTH || ancestorIds.some((known) => sameOpaqueId(known, current))) {
      throw new PermanentError("conflict", "the folders above this file do not end at the root");
    }
    const folder = await fastio.readFolder(storage, current, signal);
    ancestorIds.push(folder.id);
    names.unshift(folder.name);
    parentId = folder.parentId;
  }
  return { folderPath: `/${names.join("/")}`, ancestorIds };
}
