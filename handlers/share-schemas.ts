import { z } from "zod";
import { PAGE_QUERY } from "./page-query.ts";
import { queryWord } from "./query-word.ts";
import type { Told } from "./told.ts";

export const DeliveredAs = z.enum(["share", "drop-off", "workspace", "file-share"]).meta({ id: "DeliveredAs" });

/** What is asked of the list of links. */
export const SharesQuery = z.strictObject({
  rule: queryWord(63).optional().describe("Only links of this rule"),
  state: z.enum(["open", "ended", "all"]).default("open").describe("Whether people may still get in"),
  ...PAGE_QUERY,
});
export type SharesQuery = z.output<typeof SharesQuery>;

export const ShareSummary = z
  .object({
    share: z.string(),
    run: z.string(),
    rule: z.string(),
    file: z.string().describe("Of a batch, the first"),
    moreFiles: z.int().min(0).describe("Files of its batch beside that one"),
    url: z.string().nullable(),
    deliveredAs: DeliveredAs,
    state: z.enum(["open", "ended"]),
    madeAtMs: z.int().nullable(),
    endsAtMs: z.int().nullable().describe("When the link ends, or ended, by itself; null: it does not"),
    endsBy: z.enum(["fastio", "relay"]).nullable(),
    closedAtMs: z.int().nullable().describe("When the relay closed it; null: it did not"),
    closeAskedAtMs: z.int().nullable().describe("When somebody asked to close it"),
    closeAskedBy: z.string().nullable(),
    closeReason: z.string().nullable(),
    closeError: z.string().nullable().describe("Why it could not be closed yet"),
  })
  .meta({ id: "ShareSummary" });
/** A link that was given to people. */
export type ShareSummary = Told<typeof ShareSummary>;

const ToldAccess = z
  .object({
    atMs: z.int(),
    kind: z.string(),
    did: z.string().describe("The kind in words"),
    who: z
      .string()
      .describe(
        "An address, else a user id; `anonymous` for nobody signed in, `not told` while only a webhook without an actor told of it",
      ),
    what: z.string().nullable().describe("The file, folder or person, by name where it is known"),
    share: z.string().nullable(),
  })
  .meta({ id: "Access" });
/** Who did what with what a run delivered. */
export type ToldAccess = Told<typeof ToldAccess>;

export const AccessList = z
  .object({ count: z.int(), latest: z.array(ToldAccess).describe("The 100 latest; the audit export has them all") })
  .meta({ id: "AccessList" });
/** What became of a run's link, and who used it. */
export type AccessList = Told<typeof AccessList>;

export const ShareStory = ShareSummary.extend({ invited: z.array(z.string()), accesses: AccessList }).meta({
  id: "ShareStory",
});
export type ShareStory = Told<typeof ShareStory>;

const ListedShare = ShareSummary.extend({
  accesses: z.int().describe("How often it, or what it leads to, was opened or taken, as far as Fast.io tells"),
}).meta({ id: "ListedShare" });

export const ShareList = z
  .object({
    shares: z.array(ListedShare),
    next: z.string().nullable().describe("What to ask for as `before` to get the next page; null on the last one"),
  })
  .meta({ id: "ShareList" });
export type ShareList = Told<typeof ShareList>;
