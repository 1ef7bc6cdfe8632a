import { z } from "zod";

/** What `DATABASE_URL` may be. */
export const databaseUrl = z
  .string()
  .refine((url) => /^pglite:.+/.test(url) || /^postgres(ql)?:\/\//.test(url), "must be pglite:FOLDER or postgres://…")
  .refine(
    (url) => !url.startsWith("postgres") || isAddress(url),
    "is no address; in a password @ is written as %40, / as %2F, # as %23 and ? as %3F",
  );

/**
 * Whether the driver would ask the server that is meant. A password with such a character in it may leave an address
 * that can be read, as of another server: the rest of it then stands where no @ and no # has a meaning.
 */
function isAddress(text: string): boolean {
  // The driver takes an address without a host, too, where a parameter names the socket.
  const url = URL.parse(text.replace(/^(\w+:\/\/[^/@?#]*@)\//, "$1host/"));
  if (url === null || url.hash !== "" || url.pathname.includes("@")) return false;
  return ![...url.searchParams.keys()].some((name) => name.includes("@"));
}
