import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listSignaturePins } from "../src/ledger/signature-pins.ts";
import { readSources } from "../src/ledger/source-report.ts";
import type { Told } from "./told.ts";

const DEFAULT_HOURS = 24;
/** A quarter of a year, which is as long as the ledger remembers by default. */
export const MOST_HOURS = 90 * 24;

/** What is asked of the report. */
export const SourcesQuery = z.strictObject({
  hours: z.coerce.number().positive().max(MOST_HOURS).default(DEFAULT_HOURS).describe("How far back it looks"),
});
export type SourcesQuery = z.output<typeof SourcesQuery>;

const WorkspaceReport = z
  .object({
    workspaceId: z.string(),
    workspaceName: z.string().nullable().describe("null where catch-up does not watch it"),
    received: z.int().describe("Events that a webhook told"),
    found: z.int().describe("Events that catch-up found"),
    recovered: z.int().describe("Events that catch-up found and no webhook has told so far"),
    lastReceivedAtMs: z.int().nullable(),
    lastFoundAtMs: z.int().nullable(),
    source: z
      .enum(["changes", "search", "listing"])
      .nullable()
      .describe("Where catch-up last read; null before it ever could"),
    pulledAtMs: z.int().nullable(),
    error: z.string().nullable().describe("Why catch-up cannot read it now"),
    failingSinceMs: z.int().nullable(),
    nextAction: z.string().nullable(),
    checkError: z
      .string()
      .nullable()
      .describe("Why what the feed leaves out cannot be searched for now, though the feed can be read"),
    checkFailingSinceMs: z.int().nullable(),
    checkNextAction: z.string().nullable(),
  })
  .meta({ id: "WorkspaceReport" });

const SignatureReport = z
  .object({
    secretPrint: z.string().describe("Tells secrets apart; no secret can be reckoned from it"),
    scheme: z.string(),
    keyForm: z.string().nullable(),
    firstSeenMs: z.int(),
    lastSeenMs: z
      .int()
      .nullable()
      .describe("The last delivery that was signed with it, to the minute; null: none since this is written down"),
    previousScheme: z.string().nullable(),
    previousKeyForm: z.string().nullable(),
    changedAtMs: z.int().nullable(),
  })
  .meta({ id: "SignatureReport" });

export const SourceReport = z
  .object({
    hours: z.number(),
    sinceMs: z.int(),
    workspaces: z.array(WorkspaceReport),
    signatures: z
      .array(SignatureReport)
      .describe("How deliveries are signed, by secret, and since when in another way than before"),
  })
  .meta({ id: "SourceReport" });
/** How events reached the relay, by workspace. No secret is told. */
export type SourceReport = Told<typeof SourceReport>;

export type ReadSourceReport = (query: SourcesQuery) => Promise<SourceReport>;

/** Tells what webhooks told, what catch-up found, and what only catch-up found. */
export const createReadSourceReport =
  (deps: { readonly db: Db; readonly clock: Clock }): ReadSourceReport =>
  async ({ hours }) => {
    const sinceMs = Math.round(deps.clock.now() - hours * 3_600_000);
    const [workspaces, signatures] = await Promise.all([readSources(deps.db, sinceMs), listSignaturePins(deps.db)]);
    return { hours, sinceMs, workspaces, signatures };
  };
