const EMBEDDED = "pglite:";

/** The folder of an embedded ledger; undefined: the ledger is on a server. */
export const folderOf = (url: string): string | undefined =>
  url.startsWith(EMBEDDED) ? url.slice(EMBEDDED.length) : undefined;
