import { sql } from "drizzle-orm";
import { ACCESS_KINDS } from "./access-kinds.ts";
import { among } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";
import { earlierOutputs, events, outputs } from "./schema.ts";

/** Why an event is passed over that tells of what the relay itself did. */
export const OWN_OUTPUT = "the relay placed this file itself";
export const OWN_DEED = "the relay itself did this";
export const OWN_RECEIPT = "the relay wrote this receipt itself";

/** Why one is passed over that no rule listens to. */
export const unheard = (type: string): string => UNHEARD + type;
export const UNHEARD = "no rule listens to ";

/** What rules want to hear of. */
export type Listened = {
  /** Types of events that some rule listens to. */
  readonly types: readonly string[];
  /** Of these, types that no rule wants to hear of when the relay's own user did it, or of what the relay placed. */
  readonly notOwn: readonly string[];
  /** The relay's own user; undefined while nobody has asked who that is. */
  readonly selfUserId: string | undefined;
};

/**
 * Ends those among new events that no rule wants to hear of and that tell of no access to what was delivered, in one
 * statement: they need no job to be passed over.
 * @returns the keys of those that were ended, and whether it was the relay's own doing
 */
export async function settleUnlistened(
  db: Db,
  keys: readonly string[],
  { types, notOwn, selfUserId }: Listened,
  nowMs: number,
): Promise<ReadonlyMap<string, "no_listener" | "own_doing">> {
  const accesses = Object.keys(ACCESS_KINDS);
  const ended = await db.execute(sql`
    with told as (
      select key, type, actor_user_id, share_id, ${isAmong("type", types)} as is_listened, (
        -- As \`normaliseOpaqueId\` spells it, or as it came.
        select name from (
          select name from ${outputs} where node_id in (object_id, lower(replace(object_id, '-', '')))
          union all
          select name from ${earlierOutputs} where node_id in (object_id, lower(replace(object_id, '-', '')))) placed
        limit 1) as placed
      from ${events}
      -- Not "=": no plan is to go through all events that wait for these few.
      where ${isAmong("key", keys)} and status is not distinct from 'accepted' and type <> ''),
    unwanted as (
      select key, is_listened,
        case when not is_listened then ${UNHEARD} || type
          when placed is null then ${OWN_DEED} else ${OWN_OUTPUT} end as reason,
        case when is_listened then placed end as file_name
      from told
      where case when is_listened
        then ${isAmong("type", notOwn)} and actor_user_id = ${selfUserId ?? null}::text and not ${isAmong("type", accesses)}
        -- A file that is read for a workflow.
        else not ${isAmong("type", accesses)} or (type = 'file.accessed' and share_id is null and placed is null) end)
    update ${events} event
    set status = 'ignored', routed_at_ms = ${nowMs}, reasons = jsonb_build_object('*', unwanted.reason),
      file_name = coalesce(unwanted.file_name, event.file_name)
    from unwanted
    where event.key = unwanted.key and event.status is not distinct from 'accepted'
    returning event.key, unwanted.is_listened`);
  return new Map(
    rowsOf(ended).map(({ key, is_listened: isOwn }) => [String(key), isOwn === true ? "own_doing" : "no_listener"]),
  );
}

const isAmong = (column: string, values: readonly string[]) => among(sql.raw(column), values);
