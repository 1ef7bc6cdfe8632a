import { isAccess } from "../../src/ledger/access-kinds.ts";
import type { PassOver } from "../../src/ledger/intake.ts";
import { type Listened, OWN_OUTPUT, unheard } from "../../src/ledger/settle-unlistened.ts";
import type { OwnOutputs } from "../own-outputs.ts";

export type PassOverDeps = {
  /** What rules listen to now. */
  readonly listened: () => Listened;
  /** What this process has just placed itself. */
  readonly ownOutputs: Pick<OwnOutputs, "nameOf">;
};

/**
 * Tells of events that no rule wants to hear of, as far as that shows without the ledger; of the others
 * `settleUnlistened` finds out. Accesses to what was delivered are always looked at.
 */
export const createPassOver =
  ({ listened, ownOutputs }: PassOverDeps): PassOver =>
  ({ type, objectId }) => {
    const { types, notOwn } = listened();
    if (type === "") return undefined;
    if (!types.includes(type)) return isAccess(type) ? undefined : { drop: "no_listener", reason: unheard(type) };
    const fileName = notOwn.includes(type) && objectId !== null ? ownOutputs.nameOf(objectId) : undefined;
    return fileName === undefined ? undefined : { drop: "own_doing", reason: OWN_OUTPUT, fileName };
  };
