import { sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { doTogether } from "./do-together.ts";
import { keyAmong } from "./lines.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { type EventRow, earlierOutputs, events, outputs, runs } from "./schema.ts";

/** An event, and what is known of its file if a run placed that as an output. */
export type EventToRoute = {
  readonly event: EventRow;
  readonly placed: { readonly name: string; readonly workspaceId: string } | null;
};

const ofKey = builtOnce((db) => {
  // As `normaliseOpaqueId` spells it, or as it came.
  const ofNode = sql`where node_id in (${events.objectId}, lower(replace(${events.objectId}, '-', '')))`;
  const placed = sql<EventToRoute["placed"]>`(
    select json_build_object('name', placed.name, 'workspaceId', run.workspace_id)
    from (
      select run_id, name from ${outputs} ${ofNode}
      union all
      select run_id, name from ${earlierOutputs} ${ofNode}) placed
    join ${runs} run on run.id = placed.run_id
    limit 1)`;
  const statement = db
    .select({ event: events, placed })
    .from(events)
    .where(keyAmong(events.key, "keys"))
    .prepare(UNNAMED);
  return doTogether(
    async (keys: readonly string[]): Promise<readonly (EventToRoute | undefined)[]> => {
      const found = await statement.execute({ keys: JSON.stringify(keys) });
      return keys.map((key) => found.find(({ event }) => event.key === key));
    },
    { isRead: true },
  );
});

export const findEventToRoute = (db: Db, key: string): Promise<EventToRoute | undefined> => ofKey(db)(key);
