import { normaliseOpaqueId } from "../src/fastio/opaque-id.ts";

/** Files that workers of this process have just placed. Whoever does not find one here asks the ledger. */
export type OwnOutputs = {
  /** @param nodeId however it is spelt */
  note(nodeId: string, name: string): void;
  /** @returns its name; undefined: it was placed by another process, longer ago, or by somebody else */
  nameOf(nodeId: string): string | undefined;
};

/** Fast.io tells of a file within moments; the oldest are forgotten. */
const MOST_NOTED = 5_000;

export function createOwnOutputs(): OwnOutputs {
  const names = new Map<string, string>();
  return {
    note: (nodeId, name) => {
      names.set(normaliseOpaqueId(nodeId), name);
      const [oldest] = names.keys();
      if (names.size > MOST_NOTED && oldest !== undefined) names.delete(oldest);
    },
    nameOf: (nodeId) => names.get(normaliseOpaqueId(nodeId)),
  };
}
