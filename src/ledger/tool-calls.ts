import { and, desc, eq } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type ToolCallRow, toolCalls } from "./schema.ts";

/** Writes down that a call began, so that one that dies on the way is known too. */
export async function beginToolCall(
  db: Db,
  call: Pick<ToolCallRow, "id" | "atMs" | "caller" | "via" | "operation">,
): Promise<void> {
  await db.insert(toolCalls).values(call);
}

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
