import { z } from "zod";
import { type AccessFilter, readAccesses } from "../src/ledger/accesses.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { type OperatorActionFilter, readOperatorActions } from "../src/ledger/operator-actions.ts";
import type { AccessRow, OperatorActionRow, ToolCallRow } from "../src/ledger/schema.ts";
import { readToolCalls } from "../src/ledger/tool-calls.ts";
import { csvLine } from "../src/text/csv.ts";
import { queryWord } from "./query-word.ts";
import { tellAccess } from "./read-shares.ts";

const Name = queryWord(200).min(1);

/** What is exported and how; unknown values are refused, since a wrong export looks like a right one. */
export const AuditQuery = z.strictObject({
  what: z
    .enum(["accesses", "operators", "tools"])
    .default("accesses")
    .describe("Who opened what people were given, who did what by hand, or what agents called"),
  format: z.enum(["csv", "json"]).default("csv").describe("A CSV file with a header, or one JSON object a line"),
  sinceMs: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe("Milliseconds since the Unix epoch; absent: from the beginning"),
  run: Name.optional().describe("Only of this run"),
  share: Name.optional().describe("Only of this share"),
  rule: Name.optional().describe("Only of this rule"),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

/**
 * The audit trail, oldest first, piece by piece: a CSV file with a header, or one JSON object per line.
 * Never more than a page of the ledger is in memory.
 */
export type ExportAudit = (query: AuditQuery) => AsyncGenerator<string>;

export const exportAudit =
  (db: Db): ExportAudit =>
  (query) => {
    const { what, format, sinceMs, run, share, rule } = query;
    if (what === "accesses")
      return print(
        ACCESS_COLUMNS,
        readAccesses(db, { sinceMs, runId: run, shareId: share, ruleName: rule } satisfies AccessFilter),
        format,
      );
    if (what === "tools") return print(CALL_COLUMNS, readToolCalls(db, sinceMs), format);
    // What an operator does has one target: a run, a share or a rule.
    const targets = [run, share, rule].filter((target) => target !== undefined);
    return print(ACTION_COLUMNS, readOperatorActions(db, { sinceMs, targets } satisfies OperatorActionFilter), format);
  };

type Columns<Row> = Readonly<Record<string, (row: Row) => string | number | null>>;

const iso = (ms: number): string => new Date(ms).toISOString();

const ACCESS_COLUMNS: Columns<AccessRow> = {
  at: ({ atMs }) => iso(atMs),
  kind: ({ kind }) => kind,
  did: (row) => tellAccess(row).did,
  who: (row) => tellAccess(row).who,
  userId: ({ actorUserId }) => actorUserId,
  what: ({ objectName }) => objectName,
  objectId: ({ objectId }) => objectId,
  share: ({ shareId }) => shareId,
  run: ({ runId }) => runId,
  rule: ({ ruleName }) => ruleName,
  toldBy: ({ deliveredAtMs, searchedAtMs }) =>
    [deliveredAtMs === null ? "" : "webhook", searchedAtMs === null ? "" : "search"].filter(Boolean).join(" "),
};

const ACTION_COLUMNS: Columns<OperatorActionRow> = {
  at: ({ atMs }) => iso(atMs),
  who: ({ actor }) => actor,
  did: ({ action }) => action,
  target: ({ target }) => target,
  detail: ({ detail }) => JSON.stringify(detail),
};

const CALL_COLUMNS: Columns<ToolCallRow> = {
  at: ({ atMs }) => iso(atMs),
  who: ({ caller }) => caller,
  called: ({ operation }) => operation,
  via: ({ via }) => via,
  about: ({ target }) => target,
  requestId: ({ requestId }) => requestId,
  status: ({ status }) => status,
  code: ({ code }) => code,
};

async function* print<Row>(
  columns: Columns<Row>,
  rows: AsyncIterable<Row>,
  format: AuditQuery["format"],
): AsyncGenerator<string> {
  const names = Object.keys(columns);
  const readers = Object.values(columns);
  if (format === "csv") yield csvLine(names);
  for await (const row of rows) {
    const cells = readers.map((read) => read(row));
    yield format === "csv"
      ? csvLine(cells)
      : `${JSON.stringify(Object.fromEntries(names.map((name, index) => [name, cells[index] ?? null])))}\n`;
  }
}
