import type { EventType } from "../fastio/events/event-names.ts";
import type { ListedNode } from "../ledger/listed-nodes.ts";

export type ListedChange = {
  readonly node: ListedNode;
  readonly type: Extract<EventType, "file.created" | "file.version_added" | "file.moved">;
};

export type ListingDiff = {
  /** What files seem to have gone through since the last listing. */
  readonly changes: readonly ListedChange[];
  readonly changed: readonly ListedNode[];
  readonly gone: readonly string[];
};

/**
 * Compares two listings of a workspace.
 * @param complete whether `seen` is all there is; files missing from a part are not gone
 */
export function diffListing(
  known: ReadonlyMap<string, ListedNode>,
  seen: readonly ListedNode[],
  complete: boolean,
): ListingDiff {
  const changes = seen.flatMap((node): readonly ListedChange[] => {
    const type = changeOf(known.get(node.nodeId), node);
    return type === undefined ? [] : [{ node, type }];
  });
  const present = new Set(seen.map(({ nodeId }) => nodeId));
  const gone = complete ? [...known.keys()].filter((nodeId) => !present.has(nodeId)) : [];
  return { changes, changed: changes.map(({ node }) => node), gone };
}

function changeOf(before: ListedNode | undefined, now: ListedNode): ListedChange["type"] | undefined {
  if (before === undefined) return "file.created";
  if (before.versionId !== now.versionId) return "file.version_added";
  return before.parentId !== now.parentId || before.name !== now.name ? "file.moved" : undefined;
}
