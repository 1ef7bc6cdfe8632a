import { z } from "zod";

/** What `DATABASE_URL` may be. */
export const databaseUrl = z
  .string()
  .refine((url) => /^pglite:.+/.test(url) || /^postgres(ql)?:\/\//.test(url), "must be pglite:FOLDER or postgres://…")
  // The driver takes an address without a host, too, where a parameter names the socket.
  .refine(
    (url) => !url.startsWith("postgres") || URL.canParse(url) || URL.canParse(url.replace("@/", "@host/")),
    "is no address; in a password / is written as %2F, # as %23 and ? as %3F",
  );
