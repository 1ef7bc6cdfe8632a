import { z } from "zod";
import { MOST_BULK_RUNS } from "../src/ledger/bulk-actions.ts";
import type { BulkDeed } from "../src/ledger/schema.ts";
import { DEFAULT_LIMIT } from "./page-query.ts";
import { RunStatusSchema, RunSummary, RunsQuery } from "./run-schemas.ts";
import type { Told } from "./told.ts";

export const BULK_DEEDS = ["replay", "cancel", "release"] as const satisfies readonly BulkDeed[];
/** Runs a minute, at most. */
export const MOST_RATE = 6_000;
export const DEFAULT_RATE = 60;

/** Names a bulk action; who asks may choose it. */
export const BULK_KEY = "[A-Za-z0-9_-]{8,64}";

/** Which runs are meant: as the list of runs takes it, without its pages. */
const BulkFilter = RunsQuery.omit({ before: true, limit: true, updatedAfterMs: true });

const Action = z
  .enum(BULK_DEEDS)
  .describe(
    "replay: runs that have ended begin again, failed ones unless `filter` names others; cancel: runs that have not ended stop; release: held runs go on",
  );

/** What is asked to be done to many runs. A form sends its numbers as text. */
export const BulkBody = z.strictObject({
  action: Action,
  filter: BulkFilter.default({}),
  version: z
    .enum(["newest", "same"])
    .default("newest")
    .describe("Of replays: by rules and workflows as they are now, or as each run had them"),
  reason: z.string().max(2_000).optional().describe("Why; it is written down with the deed, and with each run"),
  rate: z.coerce.number().int().min(1).max(MOST_RATE).default(DEFAULT_RATE).describe("Runs a minute"),
  dryRun: z.boolean().default(true).describe("Only tell what would be done; nothing is done unless this is false"),
  expect: z.coerce
    .number()
    .int()
    .min(0)
    .max(MOST_BULK_RUNS)
    .optional()
    .describe("How many matched when it was tried: another number begins nothing"),
  key: z
    .string()
    .regex(new RegExp(`^${BULK_KEY}$`))
    .optional()
    .describe("Names the bulk action: sent twice, it is one"),
});
export type BulkBody = z.output<typeof BulkBody>;

const Filter = z.record(z.string(), z.string()).describe("The filter in the words of the list of runs");

export const BulkPlan = z
  .object({
    action: Action,
    filter: Filter,
    fixed: Filter.describe("The same with moments instead of spans: what it means does not move on"),
    statuses: z.array(RunStatusSchema).describe("Where the runs stand that are meant"),
    matches: z.int(),
    most: z.int().describe("More are not taken at once"),
    groups: z.array(z.object({ rule: z.string(), status: RunStatusSchema, count: z.int() })),
    workflows: z.int().describe("Workflow runs that would be started"),
    estimatedTokens: z.int().nullable().describe("By the median of each rule's recent runs; null: no run tells"),
    unknownRules: z.array(z.string()).describe("Rules of which no run tells; they are not in the estimate"),
    estimatedMs: z.int().nullable().describe("How long at the rate and the apps' limits; null: nobody can tell"),
    sample: z.array(RunSummary.pick({ id: true, file: true, moreFiles: true, rule: true })),
  })
  .meta({ id: "BulkPlan" });
export type BulkPlan = Told<typeof BulkPlan>;

export const BulkSummary = z
  .object({
    id: z.string(),
    action: Action,
    version: z.enum(["newest", "same"]).nullable().describe("Of replays"),
    filter: Filter,
    askedBy: z.string(),
    reason: z.string().nullable(),
    perMinute: z.int(),
    state: z.enum(["running", "done", "aborted"]),
    total: z.int(),
    done: z.int(),
    already: z.int().describe("It was so before, or somebody else has done it meanwhile"),
    refused: z.int(),
    left: z.int().describe("Runs whose turn has not come; of one that was aborted, those that were left"),
    createdAtMs: z.int(),
    endsAtMs: z.int().nullable().describe("When it is through at its rate; null: it does not go on"),
    finishedAtMs: z.int().nullable(),
    abortedBy: z.string().nullable(),
    abortReason: z.string().nullable(),
  })
  .meta({ id: "BulkSummary" });
export type BulkSummary = Told<typeof BulkSummary>;

const BulkRun = z
  .object({
    run: z.string(),
    file: z.string().nullable().describe("Of a batch, the first; null: the run is forgotten"),
    moreFiles: RunSummary.shape.moreFiles,
    outcome: z.enum(["done", "already", "refused"]),
    note: z.string().nullable(),
    atMs: z.int(),
  })
  .meta({ id: "BulkRun" });
export type BulkRun = Told<typeof BulkRun>;

export const BulkStory = BulkSummary.extend({
  notDone: z.array(BulkRun).describe("Runs it was not done to, and why: the latest 100"),
  latest: z.array(BulkRun).describe("The 20 runs it came to last"),
}).meta({ id: "BulkStory" });
export type BulkStory = Told<typeof BulkStory>;

/** So many bulk actions are told at a time, at most. */
export const MOST_BULKS = 200;

export const BulkQuery = z.strictObject({
  before: z
    .string()
    .regex(/^\d{1,15}-[A-Za-z0-9_-]{1,64}$/)
    .transform((place) => ({ createdAtMs: Number.parseInt(place, 10), id: place.slice(place.indexOf("-") + 1) }))
    .optional()
    .describe("Where the page begins: what the page before told as `next`"),
  limit: z.coerce.number().int().min(1).max(MOST_BULKS).default(DEFAULT_LIMIT).describe("The most that are told"),
});
export type BulkQuery = z.output<typeof BulkQuery>;

export const BulkList = z
  .object({
    bulks: z.array(BulkSummary),
    next: z.string().nullable().describe("What to ask for as `before` to get the next page; null on the last one"),
  })
  .meta({ id: "BulkList" });
export type BulkList = Told<typeof BulkList>;
