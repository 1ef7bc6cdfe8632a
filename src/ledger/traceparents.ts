import { and, gt, inArray, isNotNull } from "drizzle-orm";
import { TRACE_MS } from "../telemetry/trace.ts";
import type { Db } from "./open-ledger.ts";
import { events, runs } from "./schema.ts";

/** The traces that these belong to, by key or id: of those that are young enough to go on in theirs. */
export async function readTraceparents(
  db: Db,
  what: "events" | "runs",
  ids: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const [table, id, bornMs] =
    what === "events"
      ? ([events, events.key, events.receivedAtMs] as const)
      : ([runs, runs.id, runs.createdAtMs] as const);
  const rows = await db
    .select({ id, traceparent: table.traceparent })
    .from(table)
    .where(and(inArray(id, [...ids]), isNotNull(table.traceparent), gt(bornMs, nowMs - TRACE_MS)));
  return new Map(rows.map((row) => [row.id, row.traceparent ?? ""]));
}
