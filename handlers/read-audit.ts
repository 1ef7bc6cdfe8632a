import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listOperatorActions } from "../src/ledger/operator-actions.ts";
import type { OperatorActionRow } from "../src/ledger/schema.ts";
import { PAGE_QUERY } from "./page-query.ts";
import { queryWord } from "./query-word.ts";
import { NO_MOMENT, readMoment } from "./run-search-query.ts";
import type { Told } from "./told.ts";

const Word = queryWord(200);
const Moment = z.string().max(64);

export const ActionsQuery = z.strictObject({
  who: Word.optional().describe("Part of who did it, such as `anna`"),
  action: Word.optional().describe("Such as `run.replay`, or `run` for all that was done to runs"),
  target: Word.optional().describe(
    "Only what was done to this: a run (with its link), rule, app, share or bulk action, by its name",
  ),
  since: Moment.optional().describe("Only what was done since: `24h`, `7d`, `2026-11-22`, `2026-11-22T06:00` (UTC)"),
  until: Moment.optional().describe("Only what was done before, in the same words"),
  before: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe("Where the page begins: what the page before told as `next`"),
  limit: PAGE_QUERY.limit,
});
export type ActionsQuery = z.output<typeof ActionsQuery>;

const OperatorAction = z
  .object({
    id: z.int(),
    atMs: z.int(),
    who: z.string(),
    action: z.string(),
    target: z.string(),
    reason: z.string().nullable(),
    outcome: z.string().describe("What it came upon and what came of it, in words; may be empty"),
  })
  .meta({ id: "OperatorAction" });
/** One thing that somebody did by hand. */
export type OperatorAction = Told<typeof OperatorAction>;

export const ActionList = z
  .object({
    actions: z.array(OperatorAction),
    next: z.int().nullable().describe("What to ask for as `before` to get the next page; null on the last one"),
  })
  .meta({ id: "ActionList" });
export type ActionList = Told<typeof ActionList>;

export type AuditOutcome =
  | { readonly kind: "listed"; readonly list: ActionList }
  | { readonly kind: "wrong_time"; readonly name: "since" | "until"; readonly reason: string };

/** What operators did, newest first. */
export type ReadAudit = (query: ActionsQuery) => Promise<AuditOutcome>;

export const createReadAudit =
  ({ db, clock }: { readonly db: Db; readonly clock: Clock }): ReadAudit =>
  async ({ who, action, target, since, until, before, limit }) => {
    const sinceMs = momentOf(since, clock.now());
    if (sinceMs === null) return { kind: "wrong_time", name: "since", reason: NO_MOMENT };
    const untilMs = momentOf(until, clock.now());
    if (untilMs === null) return { kind: "wrong_time", name: "until", reason: NO_MOMENT };
    // A form sends what was left empty too.
    const search = { who: who || undefined, action: action || undefined, target: target || undefined };
    const rows = await listOperatorActions(db, { ...search, sinceMs, untilMs, beforeId: before }, limit);
    const next = rows.length === limit ? (rows.at(-1)?.id ?? null) : null;
    return { kind: "listed", list: { actions: rows.map(tellAction), next } };
  };

/** null: it is no moment. */
function momentOf(text: string | undefined, nowMs: number): number | undefined | null {
  if (text === undefined || text.trim() === "") return undefined;
  return readMoment(text.trim(), nowMs) ?? null;
}

function tellAction({ id, atMs, actor, action, target, detail }: OperatorActionRow): OperatorAction {
  const { reason, ...rest } = detail;
  const told = Object.entries(rest).flatMap(([name, value]) =>
    value === null || value === undefined
      ? []
      : [`${name} ${typeof value === "string" ? value : JSON.stringify(value)}`],
  );
  return {
    ...{ id, atMs, who: actor, action, target },
    reason: typeof reason === "string" ? reason : null,
    outcome: told.join(", "),
  };
}
