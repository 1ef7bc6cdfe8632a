import type { Call } from "../api.ts";
import { path } from "../path.ts";

/** Transfer tokens of an organisation; both dialects have the same routes. */
export const transfers = {
  create: (orgId: string): Call => ({
    operation: "fastio.transfer.create",
    method: "POST",
    path: path`/org/${orgId}/transfer/token/create/`,
    form: {},
  }),
  list: (orgId: string): Call => ({
    operation: "fastio.transfer.list",
    method: "GET",
    path: path`/org/${orgId}/transfer/token/list/`,
  }),
  remove: (orgId: string, transferId: string): Call => ({
    operation: "fastio.transfer.delete",
    method: "DELETE",
    path: path`/org/${orgId}/transfer/token/${transferId}/`,
    repeatable: true,
  }),
} as const;
