import { and, asc, desc, gt, gte, inArray, lt, or, type SQL, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type OperatorActionRow, operatorActions } from "./schema.ts";

/** Writes down who did what by hand. */
export async function recordOperatorAction(db: Db, action: typeof operatorActions.$inferInsert): Promise<void> {
  await db.insert(operatorActions).values(action);
}

export type OperatorActionFilter = {
  readonly sinceMs?: number | undefined;
  /** Only what was done to one of these; empty: to anything. */
  readonly targets: readonly string[];
};

const PAGE_ROWS = 500;

/** Done to one of these, or to the link of a run that is one of them. */
const isAbout = (targets: readonly string[]): SQL | undefined =>
  or(inArray(operatorActions.target, [...targets]), inArray(sql`${operatorActions.detail} ->> 'run'`, [...targets]));

/** What was done by hand, oldest first, page by page. */
export async function* readOperatorActions(
  db: Db,
  { sinceMs, targets }: OperatorActionFilter,
): AsyncGenerator<OperatorActionRow> {
  let lastId = 0;
  for (;;) {
    const page = await db
      .select()
      .from(operatorActions)
      .where(
        and(
          gt(operatorActions.id, lastId),
          sinceMs === undefined ? undefined : gte(operatorActions.atMs, sinceMs),
          targets.length === 0 ? undefined : isAbout(targets),
        ),
      )
      .orderBy(asc(operatorActions.id))
      .limit(PAGE_ROWS);
    yield* page;
    lastId = page.at(-1)?.id ?? lastId;
    if (page.length < PAGE_ROWS) return;
  }
}

export type OperatorActionSearch = {
  /** Part of who did it; case does not matter. */
  readonly who?: string | undefined;
  /** Such as `run.replay`, or `run` for all that was done to runs. */
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Below this one in the list. */
  readonly beforeId?: number | undefined;
};

/** What was done by hand, newest first. */
export function listOperatorActions(
  db: Db,
  { who, action, target, sinceMs, untilMs, beforeId }: OperatorActionSearch,
  limit: number,
): Promise<OperatorActionRow[]> {
  const isAction = (name: string) =>
    sql`(${operatorActions.action} = ${name} or starts_with(${operatorActions.action}, ${`${name}.`}))`;
  return db
    .select()
    .from(operatorActions)
    .where(
      and(
        who === undefined ? undefined : sql`strpos(lower(${operatorActions.actor}), lower(${who})) > 0`,
        action === undefined ? undefined : isAction(action),
        target === undefined ? undefined : isAbout([target]),
        sinceMs === undefined ? undefined : gte(operatorActions.atMs, sinceMs),
        untilMs === undefined ? undefined : lt(operatorActions.atMs, untilMs),
        beforeId === undefined ? undefined : lt(operatorActions.id, beforeId),
      ),
    )
    .orderBy(desc(operatorActions.id))
    .limit(limit);
}

/** Rows forgotten per call, so that no call holds the ledger for long. */
const MAX_FORGOTTEN = 1_000;

/** Forgets what was done before a moment. @returns rows forgotten; call again while it is not 0 */
export async function forgetOperatorActions(db: Db, beforeMs: number): Promise<number> {
  const old = db
    .select({ id: operatorActions.id })
    .from(operatorActions)
    .where(lt(operatorActions.atMs, beforeMs))
    .limit(MAX_FORGOTTEN);
  const gone = await db
    .delete(operatorActions)
    .where(inArray(operatorActions.id, old))
    .returning({ id: operatorActions.id });
  return gone.length;
}
