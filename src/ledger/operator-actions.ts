import { and, asc, gt, gte, inArray } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type OperatorActionRow, operatorActions } from "./schema.ts";

export type OperatorActionFilter = {
  readonly sinceMs?: number | undefined;
  /** Only what was done to one of these; empty: to anything. */
  readonly targets: readonly string[];
};

const PAGE_ROWS = 500;

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
          targets.length === 0 ? undefined : inArray(operatorActions.target, [...targets]),
        ),
      )
      .orderBy(asc(operatorActions.id))
      .limit(PAGE_ROWS);
    yield* page;
    lastId = page.at(-1)?.id ?? lastId;
    if (page.length < PAGE_ROWS) return;
  }
}
