import type { RuleDeliver } from "./rule.ts";

type Storage = Pick<RuleDeliver, "as" | "storage" | "expiresAfterMs">;

/**
 * Where the files of a delivery lie: in a folder of the workspace, or in the share's own storage.
 * Unless the rule says, a share that is to end keeps its own, since only such shares can Fast.io let expire.
 */
export const storageOfDelivery = ({ as, storage, expiresAfterMs }: Storage): "folder" | "own" =>
  as === "share" ? (storage ?? (expiresAfterMs === undefined ? "folder" : "own")) : "folder";

/** Who ends the link when its time has come: Fast.io does not let shares expire that show a folder. */
export const endsLink = (deliver: Storage): "fastio" | "relay" =>
  deliver.as === "file-share" || storageOfDelivery(deliver) === "own" ? "fastio" : "relay";
