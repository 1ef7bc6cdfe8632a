/** Whether two spellings name the same thing: Fast.io writes an id with and without hyphens, in either case. */
export const sameId = (left: string, right: string): boolean => bareId(left) === bareId(right);

const bareId = (id: string): string => id.replaceAll("-", "").toLowerCase();

/** In the place of a workspace in a rule: each that the key can see. */
export const EVERY_WORKSPACE = "*";

/** Whether what a rule says of its workspace (id, name or `*`) means this one. */
export const meansWorkspace = (wanted: string, id: string, names: readonly (string | undefined)[]): boolean =>
  wanted === EVERY_WORKSPACE ||
  sameId(wanted, id) ||
  names.some((name) => name?.normalize("NFC") === wanted.normalize("NFC"));
