import type { Clock } from "../../../clock.ts";
import { ApiRefusal } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import type { Node, Version } from "./node.ts";

const LIFE_MS = 2 * 3_600_000;

type Grant = { readonly node: string; readonly version: string | undefined; readonly untilMs: number };

/** Tokens that let anybody read one node (of one version, when it was named) for two hours. */
export type ReadGrants = {
  make(node: Node, versionId: string | undefined): { readonly token: string; readonly untilMs: number };
  /** @throws {ApiRefusal} 401 or 403 */
  check(token: string, node: Node, version: Version): void;
};

export function createReadGrants(deps: { readonly clock: Clock; readonly ids: IdSource }): ReadGrants {
  const grants = new Map<string, Grant>();
  return {
    make: (node, versionId) => {
      const token = `dl_${deps.ids.token(48)}`;
      const untilMs = deps.clock.now() + LIFE_MS;
      grants.set(token, { node: idKey(node.id), version: versionId && idKey(versionId), untilMs });
      return { token, untilMs };
    },
    check: (token, node, version) => {
      const found = grants.get(token);
      if (!found || found.untilMs <= deps.clock.now())
        throw new ApiRefusal(401, 10011, "The download token is not valid.");
      if (found.node !== idKey(node.id) || (found.version && found.version !== idKey(version.id)))
        throw new ApiRefusal(403, 1680, "The download token is for another file.");
    },
  };
}
