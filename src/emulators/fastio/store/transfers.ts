import type { Clock } from "../../../clock.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";

/** Hours a transfer token lives, how many may be open, and its length in characters. */
const TRANSFER_HOURS = 72;
const TRANSFERS_MAX = 5;
const TOKEN_CHARS = 64;

/** Whoever holds the token may take the organisation over, once. */
export type Transfer = {
  readonly id: string;
  readonly orgId: string;
  readonly token: string;
  readonly creator: string;
  readonly createdMs: number;
  readonly expiresMs: number;
};

export type TransferStore = {
  /** @throws {ApiRefusal} 403 when five are open */
  create(orgId: string, creator: string): Transfer;
  list(orgId: string): readonly Transfer[];
  /** @throws {ApiRefusal} 404 */
  remove(orgId: string, id: string): void;
  /** Takes the token out. @throws {ApiRefusal} 404 when unknown, used or too old */
  claim(token: string): Transfer;
};

export function createTransferStore(deps: { readonly clock: Clock; readonly ids: IdSource }): TransferStore {
  const transfers = new Map<string, Transfer>();
  const live = (orgId: string): readonly Transfer[] =>
    [...transfers.values()].filter((one) => one.orgId === orgId && one.expiresMs > deps.clock.now());
  return {
    create: (orgId, creator) => {
      if (live(orgId).length >= TRANSFERS_MAX)
        throw new ApiRefusal(403, 1685, `At most ${TRANSFERS_MAX} transfer tokens are open at once.`);
      const createdMs = deps.clock.now();
      const transfer: Transfer = {
        id: deps.ids.opaque("e"),
        orgId,
        token: deps.ids.token(TOKEN_CHARS),
        creator,
        createdMs,
        expiresMs: createdMs + TRANSFER_HOURS * 3_600_000,
      };
      transfers.set(idKey(transfer.id), transfer);
      return transfer;
    },
    list: live,
    remove: (orgId, id) => {
      const found = transfers.get(idKey(id));
      if (found?.orgId !== orgId) throw notFound("transfer token");
      transfers.delete(idKey(id));
    },
    claim: (token) => {
      const found = [...transfers.values()].find((one) => one.token === token && one.expiresMs > deps.clock.now());
      if (!found) throw notFound("transfer token");
      transfers.delete(idKey(found.id));
      return found;
    },
  };
}
