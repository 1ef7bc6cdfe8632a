import { storageOfDelivery } from "./delivery-storage.ts";
import type { RuleDeliver } from "./rule.ts";

/** What servers lack that know only the routes of Fast.io's written guide, and what a rule can say instead. */
export const GUIDE_LACKS = {
  ownStorage: { what: "puts no files into a share's own storage", instead: "storage: folder" },
  comments: { what: "has no comments", instead: "receipt: note" },
  fileShares: { what: "has no file shares", instead: "as: share" },
} as const;

/** Why such a server cannot deliver this, each with what to say instead. */
export function guideFaults(deliver: RuleDeliver): string[] {
  const lacks = [
    ...(deliver.as === "file-share" ? [GUIDE_LACKS.fileShares] : []),
    ...(deliver.receipt === "comment" ? [GUIDE_LACKS.comments] : []),
    ...(storageOfDelivery(deliver) === "own" ? [GUIDE_LACKS.ownStorage] : []),
  ];
  return lacks.map(({ what, instead }) => `a server of the guide ${what}; say ${instead}`);
}
