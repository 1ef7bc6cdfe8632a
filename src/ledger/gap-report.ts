import { and, eq, gte, inArray, isNull, sql } from "drizzle-orm";
import { RULE_EVENTS } from "../rules/rule.ts";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";
import { events } from "./schema.ts";

/** What came by which way into one workspace. Counts events that a rule could ask for. */
export type Gap = {
  readonly workspaceId: string;
  /** Events that a webhook told. */
  readonly received: number;
  /** Events that catch-up found. */
  readonly found: number;
  /** Events that catch-up found and no webhook has told so far. */
  readonly recovered: number;
  readonly lastReceivedAtMs: number | null;
  readonly lastFoundAtMs: number | null;
};

/** Notes that catch-up has seen these events, whoever told them first. */
export async function markPulled(db: Db, keys: readonly string[], nowMs: number): Promise<void> {
  if (keys.length === 0) return;
  await db
    .update(events)
    .set({ pulledAtMs: nowMs })
    .where(and(inArray(events.key, [...keys]), isNull(events.pulledAtMs)));
}

/**
 * Compares webhooks with catch-up since a moment.
 * An event that catch-up saw first and a webhook told later counts as received: being faster is no gap.
 */
export async function readGaps(db: Db, sinceMs: number): Promise<readonly Gap[]> {
  const types = sql.join(
    RULE_EVENTS.map((type) => sql`${type}`),
    sql`, `,
  );
  const answer: unknown = await db.execute(sql`
    with told as (
      select distinct jsonb_array_elements_text(event_keys) as key
      from relay.deliveries where received_at_ms >= ${sinceMs} and verdict <> 'refused'
    )
    select e.workspace_id as "workspaceId",
      count(*) filter (where told.key is not null or e.source = 'webhook') as "received",
      count(*) filter (where e.pulled_at_ms is not null) as "found",
      count(*) filter (where e.pulled_at_ms is not null and told.key is null and e.source <> 'webhook') as "recovered",
      max(e.received_at_ms) filter (where e.source = 'webhook') as "lastReceivedAtMs",
      max(e.pulled_at_ms) as "lastFoundAtMs"
    from relay.events e left join told on told.key = e.key
    where e.received_at_ms >= ${sinceMs} and e.workspace_id is not null and e.type in (${types})
    group by e.workspace_id order by e.workspace_id`);
  return rowsOf(answer).map((row) => ({
    workspaceId: String(row["workspaceId"]),
    received: Number(row["received"]),
    found: Number(row["found"]),
    recovered: Number(row["recovered"]),
    lastReceivedAtMs: row["lastReceivedAtMs"] === null ? null : Number(row["lastReceivedAtMs"]),
    lastFoundAtMs: row["lastFoundAtMs"] === null ? null : Number(row["lastFoundAtMs"]),
  }));
}

/** When a webhook last told of something in each of these workspaces, since a moment. */
export async function lastWebhookEvents(
  db: Db,
  workspaceIds: readonly string[],
  sinceMs: number,
): Promise<ReadonlyMap<string, number>> {
  if (workspaceIds.length === 0) return new Map();
  const rows = await db
    .select({ id: events.workspaceId, atMs: sql`max(${events.receivedAtMs})`.mapWith(Number) })
    .from(events)
    .where(
      and(
        gte(events.receivedAtMs, sinceMs),
        eq(events.source, "webhook"),
        inArray(events.workspaceId, [...workspaceIds]),
      ),
    )
    .groupBy(events.workspaceId);
  return new Map(rows.flatMap(({ id, atMs }) => (id === null ? [] : [[id, atMs] as const])));
}
