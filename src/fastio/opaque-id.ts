/**
 * Fast.io prints its OpaqueIds (nodes, versions, uploads, events) in groups of five joined by hyphens, takes them
 * with or without hyphens and in either case. Documented length is 29 or 30 characters; live articles show 31.
 */
const OPAQUE_ID = /^(?=.*[a-z])(?:[a-z0-9]{27,32}|(?:[a-z0-9]{5}-){5}[a-z0-9]{2,7})$/i;

/**
 * The spelling to compare and store OpaqueIds by: no hyphens, lower case.
 * Anything that is not an OpaqueId (19-digit profile ids, `root`, `trash`, names) comes back untouched.
 */
export const normaliseOpaqueId = (id: string): string =>
  OPAQUE_ID.test(id) ? id.replaceAll("-", "").toLowerCase() : id;

/** Whether two spellings name the same thing. */
export const sameOpaqueId = (left: string, right: string): boolean =>
  normaliseOpaqueId(left) === normaliseOpaqueId(right);
