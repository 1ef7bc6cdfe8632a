import { sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { EARLY_MS } from "./claim-runs.ts";
import { FLOOD_HELD } from "./flood.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { bulkActions, events, notices, receipts, ruleStates, runs } from "./schema.ts";

/** Whether there may be something to do, by what does it. */
export type WorkSeen = Readonly<Record<"handOver" | "links" | "tellings" | "notices" | "bulk" | "turns", boolean>>;

/** What to believe when nobody could look: that there is work everywhere. */
export const ALL_WORK: WorkSeen = {
  handOver: true,
  links: true,
  tellings: true,
  notices: true,
  bulk: true,
  turns: true,
};

/**
 * One look at the ledger in place of many: each part of upkeep asks for its own work only when this sees some.
 * What it sees may be more than what they find, and is never less. All conditions are those of partial indexes, word for
 * word where the planner asks for it.
 */
export async function lookForWork(db: Db, nowMs: number): Promise<WorkSeen> {
  const [seen] = await looking(db).execute({ nowMs });
  return seen ?? ALL_WORK;
}

const looking = builtOnce((db) => {
  const now = sql`${sql.placeholder("nowMs")}::bigint`;
  return db
    .select({
      handOver: sql<boolean>`
        exists (select 1 from ${events} where status = 'accepted')
        or exists (select 1 from ${runs} where queue is not null and waiting_app is null
          and (case when queued_at_ms is null then due_at_ms <= ${now} else not_before_ms < ${now} end))
        or exists (select 1 from ${runs} where queue is not null and waiting_app is not null and not_before_ms < ${now})
        or exists (select 1 from ${runs} where gathering_key is not null and due_at_ms <= ${now})
        or exists (select 1 from ${runs} held where status = 'held' and error_code is distinct from ${FLOOD_HELD}
          and not_before_ms < ${now} + ${EARLY_MS}::bigint
          and not exists (select 1 from ${ruleStates} rule where rule.rule_name = held.rule_name and rule.state = 'paused'))
        or exists (select 1 from ${runs} where cancel_asked_at_ms is not null and queue is null and status in ('held', 'paused'))`,
      links: sql<boolean>`
        exists (select 1 from ${runs} where share_closed_at_ms is null and share_close_asked_at_ms is not null
          and share_close_retry_at_ms <= ${now})
        or exists (select 1 from ${runs} where share_closed_at_ms is null and share_expires_by = 'relay'
          and share_expires_at_ms <= ${now} and share_close_retry_at_ms <= ${now})`,
      tellings: sql<boolean>`
        exists (select 1 from ${runs} where finished_at_ms is distinct from told_end_ms
          and (rule #>> '{deliver,receipt}' is not null or rule #>> '{deliver,noticeVariable}' is not null))
        or exists (select 1 from ${receipts} where state = 'waiting' and due_at_ms <= ${now})`,
      notices: sql<boolean>`exists (select 1 from ${notices} where state = 'waiting' and due_at_ms <= ${now})`,
      bulk: sql<boolean>`exists (select 1 from ${bulkActions} where state = 'running')`,
      turns: sql<boolean>`exists (select 1 from ${runs} where waiting_app is not null)`,
    })
    .from(sql`(select 1) one`)
    .prepare(UNNAMED);
});
