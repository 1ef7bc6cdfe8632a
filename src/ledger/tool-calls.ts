import { and, asc, desc, eq, gt, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type ToolCallRow, toolCalls } from "./schema.ts";

const MINUTE_MS = 60_000;

/**
 * Writes down that a call began, so that one that dies on the way is known too; unless its caller has made so many in
 * the minute before, whichever process took them.
 * @returns 0 when it was written, else milliseconds until the caller may ask again; what is refused does not count
 */
export async function beginToolCall(
  db: Db,
  call: Pick<ToolCallRow, "id" | "atMs" | "caller" | "via" | "operation">,
  perMinute: number,
): Promise<number> {
  return db.transaction(async (tx) => {
    // Calls that come at once would not see each other.
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`relay.tools ${call.caller}`}, 0))`);
    const [oldest] = await tx
      .select({ atMs: toolCalls.atMs })
      .from(toolCalls)
      .where(and(eq(toolCalls.caller, call.caller), gt(toolCalls.atMs, call.atMs - MINUTE_MS)))
      .orderBy(desc(toolCalls.atMs))
      .offset(perMinute - 1)
      .limit(1);
    if (oldest !== undefined) return oldest.atMs + MINUTE_MS - call.atMs;
    await tx.insert(toolCalls).values(call);
    return 0;
  });
}

/** Writes down how a call ended. @param end `status` is that of HTTP, `target` by ids and names */
export async function endToolCall(
  db: Db,
  id: string,
  end: {
    readonly status: number;
    readonly code?: string;
    readonly requestId?: string;
    readonly target?: string;
    readonly endedAtMs: number;
  },
): Promise<void> {
  await db.update(toolCalls).set(end).where(eq(toolCalls.id, id));
}

/** The last calls, newest first. */
export async function listToolCalls(db: Db, limit: number): Promise<readonly ToolCallRow[]> {
  return db.select().from(toolCalls).orderBy(desc(toolCalls.atMs)).limit(limit);
}

const PAGE_ROWS = 500;

/** All calls since a moment, oldest first, page by page. */
export async function* readToolCalls(db: Db, sinceMs = 0): AsyncGenerator<ToolCallRow> {
  let last = { atMs: sinceMs, id: "" };
  for (;;) {
    const page = await db
      .select()
      .from(toolCalls)
      .where(sql`(${toolCalls.atMs}, ${toolCalls.id}) > (${last.atMs}::bigint, ${last.id}::text)`)
      .orderBy(asc(toolCalls.atMs), asc(toolCalls.id))
      .limit(PAGE_ROWS);
    yield* page;
    last = page.at(-1) ?? last;
    if (page.length < PAGE_ROWS) return;
  }
}

/** Whether a call of this caller about this target was answered with 200. */
export async function hasCalledTool(
  db: Db,
  { caller, operation, target }: { readonly caller: string; readonly operation: string; readonly target: string },
): Promise<boolean> {
  const [row] = await db
    .select({ id: toolCalls.id })
    .from(toolCalls)
    .where(
      and(
        eq(toolCalls.caller, caller),
        eq(toolCalls.operation, operation),
        eq(toolCalls.target, target),
        eq(toolCalls.status, 200),
      ),
    )
    .limit(1);
  return row !== undefined;
}
