import { and, eq, inArray, isNotNull, isNull, lte, sql } from "drizzle-orm";
import type { QueuedRun } from "./hand-overs.ts";
import { among } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { events, type RunQueue, runs } from "./schema.ts";

/** After this long the sweep brings a run back that waits for an app and was not called: a net below the net. */
export const UNCALLED_MS = 600_000;
/** What a run says of itself while it waits. */
export const WAITS_FOR_TURN = "waits for its turn in Dify";

/**
 * Of runs that are about to be handed to the queue, lets those wait in the ledger that are more than a workspace may
 * have there for one app. They are called by turns, so that nobody's one file stands behind another's thousands.
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
  const mayWait = and(
    eq(runs.queue, "runs"),
    isNotNull(runs.app),
    isNull(runs.submittedAtMs),
    isNull(runs.cancelAskedAtMs),
    // Those that were not called for very long go to the queue by themselves.
    isNull(runs.waitingApp),
    lte(runs.leaseUntilMs, nowMs),
  );
  const coming = db
    .select({
      id: runs.id,
      app: runs.app,
      workspaceId: runs.workspaceId,
      place:
        sql<number>`row_number() over (partition by ${runs.app}, ${runs.workspaceId} order by ${runs.createdAtMs}, ${runs.id})`.as(
          "place",
        ),
    })
    .from(runs)
    .where(and(among(runs.id, ids), mayWait))
    .as("coming");
  const before = sql`(
    select count(*) from ${runs} other
    where other.queue = 'runs' and other.waiting_app is null and other.queued_at_ms is not null
      and other.not_before_ms <= ${nowMs}
      and other.workspace_id = ${coming.workspaceId} and other.app = ${coming.app})`;
  const parked = await db
    .update(runs)
    .set({
      waitingApp: sql`${runs.app}`,
      waitsFor: "slot",
      progress: WAITS_FOR_TURN,
      queuedAtMs: nowMs,
      notBeforeMs: nowMs + UNCALLED_MS,
    })
    .where(
      and(
        inArray(runs.id, db.select({ id: coming.id }).from(coming).where(sql`${coming.place} + ${before} > ${share}`)),
        // Again of the row itself: somebody may have taken or cancelled the run since it was counted.
        mayWait,
      ),
    )
    .returning({ id: runs.id });
  return new Set(parked.map(({ id }) => id));
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
