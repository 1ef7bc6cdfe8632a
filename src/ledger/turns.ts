import { and, eq, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import type { QueuedRun } from "./hand-overs.ts";
import { among } from "./lines.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { events, type RunQueue, runs } from "./schema.ts";

/** After this long the sweep brings a run back that waits for an app and was not called: a net below the net. */
export const UNCALLED_MS = 600_000;
/** What a run says of itself while it waits. */
export const WAITS_FOR_TURN = "waits for its turn in Dify";

const parked = builtOnce((db) => {
  const ids = sql`${sql.placeholder("ids")}::text[]`;
  const share = sql`${sql.placeholder("share")}::integer`;
  const now = sql`${sql.placeholder("nowMs")}::bigint`;
  // Those that were not called for very long go to the queue by themselves. Not "=": no plan is to go through all that the
  // queue has for these few.
  const mayWait = sql`queue is not distinct from 'runs' and app is not null and submitted_at_ms is null and cancel_asked_at_ms is null
    and waiting_app is null and lease_until_ms <= ${now}`;
  const laidAside = db.$with("laid_aside", { id: runs.id }).as(sql`
    with coming as materialized (
      select id, app, workspace_id,
        row_number() over (partition by app, workspace_id order by created_at_ms, id) as place
      from ${runs} where id = any(${ids}) and ${mayWait}),
    crowd as materialized (
      select app, workspace_id, (
        select count(*) from (
          select from ${runs} other
          where other.queue = 'runs' and other.waiting_app is null and other.queued_at_ms is not null
            and other.not_before_ms <= ${now}
            and other.workspace_id = place.workspace_id and other.app = place.app
          limit ${share}) before) as n
      from (select distinct app, workspace_id from coming) place)
    update ${runs}
    set waiting_app = app, waits_for = 'slot', progress = ${sql.raw(`'${WAITS_FOR_TURN}'`)}, queued_at_ms = ${now},
      not_before_ms = ${now} + ${sql.raw(String(UNCALLED_MS))}
    where id in (select id from coming join crowd using (app, workspace_id) where place + n > ${share})
      -- Again of the row itself: somebody may have taken or cancelled the run since it was counted.
      and ${mayWait}
    returning id`);
  const marked = db.$with("marked", { id: runs.id }).as(sql`
    update ${runs} set queued_at_ms = ${now} where id = any(${ids}) and id not in (select id from laid_aside) returning id`);
  return db.with(laidAside, marked).select().from(laidAside).prepare(UNNAMED);
});

/**
 * Of runs that are about to be handed to the queue, lets those wait in the ledger that are more than a workspace may
 * have there for one app. They are called by turns, so that nobody's one file stands behind another's thousands.
 * The others are marked as handed over.
 * @param share runs of one workspace and app in the queue or at work
 * @returns the ids of those that wait
 */
export async function parkRuns(
  db: Db,
  ids: readonly string[],
  share: number,
  nowMs: number,
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const waiting = await parked(db).execute({ ids, share, nowMs });
  return new Set(waiting.map(({ id }) => id));
}

/**
 * Calls runs that wait for an app: workspaces by turns, those first of which the fewest are in the queue or at work, and
 * of each the oldest. Only one of several callers gets each run.
 * @returns what is to be handed to the queue
 */
export async function callWaitingRuns(db: Db, app: string, most: number, nowMs: number): Promise<readonly QueuedRun[]> {
  // Steps from workspace to workspace through the index, and looks at a few runs of each: thousands may wait.
  const next = sql`
    with recursive places (workspace_id) as (
      (select workspace_id from ${runs} where waiting_app = ${app} order by workspace_id limit 1)
      union all
      select (select r.workspace_id from ${runs} r
        where r.waiting_app = ${app} and r.workspace_id > places.workspace_id order by r.workspace_id limit 1)
      from places where places.workspace_id is not null)
    select first.id
    from places
    cross join lateral (
      select count(*) as n from ${runs} r
      where r.queue = 'runs' and r.waiting_app is null and r.queued_at_ms is not null and r.not_before_ms <= ${nowMs}
        and r.workspace_id = places.workspace_id and r.app = ${app}) busy
    cross join lateral (
      select r.id, r.created_at_ms, row_number() over (order by r.created_at_ms, r.id) as place from ${runs} r
      where r.waiting_app = ${app} and r.workspace_id = places.workspace_id and r.lease_until_ms <= ${nowMs}
      order by r.created_at_ms, r.id limit ${most}) first
    where places.workspace_id is not null
    order by busy.n + first.place, first.created_at_ms, first.id
    limit ${most}`;
  return db
    .update(runs)
    .set({
      waitingApp: null,
      progress: null,
      notBeforeMs: 0,
      // As if handed over now: should that fail, the sweep does it.
      queuedAtMs: nowMs,
      generation: sql`${runs.generation} + 1`,
    })
    .where(
      and(
        // Whoever reads a row that another caller is about to call passes it by.
        sql`${runs.id} in (select r.id from ${runs} r where r.id in (${next}) for update skip locked)`,
        eq(runs.waitingApp, app),
      ),
    )
    .returning({ id: runs.id, queue: runs.queue, generation: runs.generation });
}

/** A backlog is counted so far: whoever comes behind it is last in any case. */
export const COUNTED_BACKLOG = 1_000;

/**
 * About how many of its workspace's events that are not routed, or runs that are not delivered, come before each of
 * these: also those that are just being handed over, which the queue may not have yet.
 * Of a long backlog only the first COUNTED_BACKLOG are counted, so that a burst costs each commit no more than that.
 */
export async function placesOf(
  db: Db,
  what: "events" | Extract<RunQueue, "shares">,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0) return new Map();
  const [table, key, cameAtMs, waits] =
    what === "events"
      ? ([events, events.key, events.receivedAtMs, sql`status = 'accepted'`] as const)
      : ([runs, runs.id, runs.collectedAtMs, sql`queue = 'shares' and waiting_app is null`] as const);
  const line = sql`(
    with these as (
      select ${key} as id, ${table.workspaceId} as workspace, ${cameAtMs} as came
      from ${table} where ${waits} and ${among(key, ids)}),
    ahead as materialized (
      select first.workspace, (
        select count(*) from (
          select ${cameAtMs} as came from ${table}
          where ${waits} and ${table.workspaceId} = first.workspace and ${key} not in (select id from these)
          limit ${COUNTED_BACKLOG}) backlog
        where backlog.came <= first.came) as n
      from (select workspace, min(came) as came from these group by workspace) first)
    select id, ahead.n + row_number() over (partition by workspace order by came, id) - 1 as place
    from these join ahead using (workspace)) line`;
  const rows = await db.select({ id: sql<string>`line.id`, place: sql`line.place`.mapWith(Number) }).from(line);
  return new Map(rows.map(({ id, place }) => [id, place]));
}
