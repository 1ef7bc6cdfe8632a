import { and, count, eq, gt, isNotNull, lte, ne, not, type Placeholder, sql } from "drizzle-orm";
import { isPausedApp } from "./app-states.ts";
import type { Db } from "./open-ledger.ts";
import { appLimits, appSlots, runs } from "./schema.ts";

/** After this long without a refusal an app that is asked for more is tried with one slot more. */
export const QUIET_MS = 60_000;
/** How long an app that refuses although nothing of ours is at work is left alone; doubled with each refusal. */
const REST_MS = 500;
const MAX_REST_DOUBLINGS = 5;

export type AppLimitRow = typeof appLimits.$inferSelect;

/** Makes the limit known. A limit that was learned stands until somebody changes the setting it began with. */
export async function openAppLimit(
  db: Db,
  app: string,
  { start, ceiling }: { readonly start: number; readonly ceiling: number },
  nowMs: number,
): Promise<AppLimitRow> {
  const fresh = { slots: start, startSlots: start, changedAtMs: nowMs, quietSinceMs: nowMs };
  await db
    .insert(appLimits)
    .values({ app, ...fresh })
    .onConflictDoUpdate({
      target: appLimits.app,
      set: { ...fresh, refusals: 0, restUntilMs: 0 },
      setWhere: sql`${appLimits.startSlots} <> ${start} or ${appLimits.slots} > ${ceiling}`,
    });
  const [row] = await db.select().from(appLimits).where(eq(appLimits.app, app));
  if (!row) throw new Error("the limit of an app vanished");
  return row;
}

/** How many slots of an app are held. */
export const heldNow = (app: string | Placeholder, nowMs: number | Placeholder) =>
  sql`select count(*)::int from ${appSlots} where ${eq(appSlots.app, app)} and ${gt(appSlots.untilMs, nowMs)}`;

/** The limit of an app as things stand, and how many of its slots may be taken: none while it rests or is paused. */
export async function readAppRoom(
  db: Db,
  app: string,
  nowMs: number,
): Promise<{ readonly slots: number; readonly free: number }> {
  const [limit] = await db
    .select({
      slots: appLimits.slots,
      isClosed: sql<boolean>`(${appLimits.restUntilMs} > ${nowMs} or ${isPausedApp(app)})`,
      held: sql<number>`(${heldNow(app, nowMs)})`,
    })
    .from(appLimits)
    .where(eq(appLimits.app, app));
  if (!limit) return { slots: 0, free: 0 };
  return { slots: limit.slots, free: limit.isClosed ? 0 : Math.max(0, limit.slots - limit.held) };
}

/** The app takes runs again: its rest is over. */
export async function endRest(db: Db, app: string): Promise<void> {
  await db
    .update(appLimits)
    .set({ refusals: 0, restUntilMs: 0 })
    .where(and(eq(appLimits.app, app), gt(appLimits.refusals, 0)));
}

/**
 * The app refused the run of this slot because it is busy. The limit is halved; but what the app is seen to work on at
 * this moment it can work on, so never below that. A slot that was taken before the last change tells nothing of the
 * limit as it is now: runs that are refused together lower it once.
 */
export async function lowerAppLimit(
  db: Db,
  slot: { readonly app: string; readonly slot: number; readonly takenAtMs: number },
  nowMs: number,
  /** What the app asked for, in milliseconds. */
  retryAfterMs = 0,
): Promise<AppLimitRow | undefined> {
  const [others] = await db
    .select({ count: count() })
    .from(appSlots)
    .where(
      and(
        eq(appSlots.app, slot.app),
        ne(appSlots.slot, slot.slot),
        gt(appSlots.untilMs, nowMs),
        isNotNull(appSlots.admittedAtMs),
      ),
    );
  const atWork = others?.count ?? 0;
  await db
    .update(appLimits)
    .set({
      slots: sql`greatest(1, ${appLimits.slots} / 2, least(${appLimits.slots} - 1, ${atWork}::int))`,
      changedAtMs: nowMs,
    })
    .where(and(eq(appLimits.app, slot.app), lte(appLimits.changedAtMs, slot.takenAtMs)));
  // The next free slot comes when one of ours ends; with none at work only time can tell.
  const isAlone = atWork === 0;
  const doubled = sql`${REST_MS}::int * (1 << least(${appLimits.refusals}, ${MAX_REST_DOUBLINGS}))`;
  const [row] = await db
    .update(appLimits)
    .set({
      quietSinceMs: nowMs,
      ...(isAlone ? { refusals: sql`${appLimits.refusals} + 1` } : {}),
      restUntilMs: isAlone
        ? sql`${nowMs}::bigint + greatest(${retryAfterMs}::bigint, ${doubled})`
        : sql`${nowMs}::bigint + ${retryAfterMs}::bigint`,
    })
    .where(eq(appLimits.app, slot.app))
    .returning();
  return row;
}

/** One slot more after a quiet minute; asked only while runs wait. @returns the limit when it was raised */
export async function raiseAppLimit(db: Db, app: string, ceiling: number, nowMs: number): Promise<number | undefined> {
  const [raised] = await db
    .update(appLimits)
    .set({ slots: sql`${appLimits.slots} + 1`, changedAtMs: nowMs, quietSinceMs: nowMs })
    .where(
      and(
        eq(appLimits.app, app),
        sql`${appLimits.slots} < ${ceiling}`,
        lte(appLimits.quietSinceMs, nowMs - QUIET_MS),
        not(isPausedApp(app)),
      ),
    )
    .returning({ slots: appLimits.slots });
  return raised?.slots;
}

/** Apps that runs wait for. */
export async function listWaitingApps(db: Db): Promise<readonly string[]> {
  // Steps from app to app through the index: thousands may wait for one.
  const apps = sql`(
    with recursive apps (app) as (
      (select waiting_app from ${runs} where waiting_app is not null order by waiting_app limit 1)
      union all
      select (select r.waiting_app from ${runs} r where r.waiting_app > apps.app order by r.waiting_app limit 1)
      from apps where apps.app is not null)
    select app from apps where app is not null) waiting`;
  const rows = await db.select({ app: sql<string>`waiting.app` }).from(apps);
  return rows.map(({ app }) => app);
}
