import { and, count, eq, gt, isNotNull, lte, ne, not, type Placeholder, sql } from "drizzle-orm";
import { isPausedApp } from "./app-states.ts";
import { builtOnce, UNNAMED } from "./built-once.ts";
import type { Db } from "./open-ledger.ts";
import { appLimits, appSlots, runs } from "./schema.ts";

/** How long a slot outlives the last word of its worker. */
export const SLOT_LEASE_MS = 4_000;
/** After this long without a refusal an app that is asked for more is tried with one slot more. */
export const QUIET_MS = 60_000;
/** How long an app that refuses although nothing of ours is at work is left alone; doubled with each refusal. */
const REST_MS = 500;
const MAX_REST_DOUBLINGS = 5;
/** Two workers may reach for the same free slot; the loser tries another. */
const TRIES = 3;

export type AppLimitRow = typeof appLimits.$inferSelect;
export type SlotHolder = { readonly app: string; readonly runId: string; readonly owner: string };
export type TakenSlot = SlotHolder & { readonly slot: number; readonly takenAtMs: number };

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

/**
 * Takes a free slot, in one statement that can neither pass the limit's count of slots nor take one that is held.
 * @returns undefined when none is free, or the app is given a rest or paused
 */
export async function takeSlot(db: Db, holder: SlotHolder, nowMs: number): Promise<TakenSlot | undefined> {
  const withinLimit = sql`and ${appLimits.restUntilMs} <= ${nowMs}
    and (${heldNow(holder.app, nowMs)}) < ${appLimits.slots} and not ${isPausedApp(holder.app)}`;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const slot = await insertSlot(db, holder, sql`${appLimits.slots}`, withinLimit, nowMs);
    if (slot) return slot;
    if ((await readAppRoom(db, holder.app, nowMs)).free === 0) return undefined;
  }
  return undefined;
}

/** A slot for a run that is found at work in the app already: it is counted, whatever the limit says. */
export async function occupySlot(db: Db, holder: SlotHolder, nowMs: number): Promise<TakenSlot | undefined> {
  // Among one slot more than are held there is always a free one.
  const upTo = sql`(${heldNow(holder.app, nowMs)}) + 1`;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const slot = await insertSlot(db, holder, upTo, sql``, nowMs);
    if (slot) return slot;
  }
  return undefined;
}

const heldNow = (app: string, nowMs: number) =>
  sql`select count(*)::int from ${appSlots} where ${eq(appSlots.app, app)} and ${gt(appSlots.untilMs, nowMs)}`;

async function insertSlot(
  db: Db,
  { app, runId, owner }: SlotHolder,
  upTo: ReturnType<typeof sql>,
  condition: ReturnType<typeof sql>,
  nowMs: number,
): Promise<TakenSlot | undefined> {
  const untilMs = nowMs + SLOT_LEASE_MS;
  const [row] = await db
    .insert(appSlots)
    .select(
      // Columns in the order of the schema.
      sql`select ${appLimits.app}, n, ${runId}::text, ${owner}::text, ${nowMs}::bigint, ${untilMs}::bigint, null::bigint
        from ${appLimits}, generate_series(1, ${upTo}) n
        where ${eq(appLimits.app, app)} ${condition}
          and not exists (
            select 1 from ${appSlots}
            where ${appSlots.app} = ${appLimits.app} and ${appSlots.slot} = n and ${gt(appSlots.untilMs, nowMs)})
        order by n limit 1`,
    )
    .onConflictDoUpdate({
      target: [appSlots.app, appSlots.slot],
      set: { runId, owner, takenAtMs: nowMs, untilMs, admittedAtMs: null },
      // Looked at once more in the row itself: another may have taken it since the statement began.
      setWhere: lte(appSlots.untilMs, nowMs),
    })
    .returning({ slot: appSlots.slot });
  return row && { app, runId, owner, slot: row.slot, takenAtMs: nowMs };
}

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

type HeldBy = { readonly [Field in "app" | "slot" | "runId" | "owner"]: TakenSlot[Field] | Placeholder };

const isHeldBy = ({ app, slot, runId, owner }: HeldBy) =>
  and(eq(appSlots.app, app), eq(appSlots.slot, slot), eq(appSlots.runId, runId), eq(appSlots.owner, owner));

/** @returns false when the lease had ended and another has the slot */
export async function renewSlot(db: Db, slot: TakenSlot, nowMs: number): Promise<boolean> {
  const kept = await db
    .update(appSlots)
    .set({ untilMs: nowMs + SLOT_LEASE_MS })
    .where(isHeldBy(slot))
    .returning({ slot: appSlots.slot });
  return kept.length > 0;
}

const isHeld = isHeldBy({
  app: sql.placeholder("app"),
  slot: sql.placeholder("slot"),
  runId: sql.placeholder("runId"),
  owner: sql.placeholder("owner"),
});
const freed = builtOnce((db) => db.delete(appSlots).where(isHeld).prepare(UNNAMED));
const admitted = builtOnce((db) =>
  db
    .update(appSlots)
    .set({ admittedAtMs: sql`${sql.placeholder("nowMs")}` })
    .where(isHeld)
    .prepare(UNNAMED),
);

export async function freeSlot(db: Db, slot: TakenSlot): Promise<void> {
  await freed(db).execute(slot);
}

/**
 * Gives a slot on to the next run of the same process, in one statement, since nothing is at work in it meanwhile.
 * @returns undefined when the limit was lowered, the app is given a rest or paused, or the lease had ended: the slot is
 *   to be freed
 */
export async function handOverSlot(
  db: Db,
  slot: TakenSlot,
  runId: string,
  nowMs: number,
): Promise<TakenSlot | undefined> {
  const given = await db
    .update(appSlots)
    .set({ runId, takenAtMs: nowMs, untilMs: nowMs + SLOT_LEASE_MS, admittedAtMs: null })
    .where(
      and(
        isHeldBy(slot),
        gt(appSlots.untilMs, nowMs),
        sql`exists (
          select 1 from ${appLimits}
          where ${eq(appLimits.app, slot.app)} and ${appLimits.restUntilMs} <= ${nowMs} and not ${isPausedApp(slot.app)}
            and (${heldNow(slot.app, nowMs)}) <= ${appLimits.slots})`,
      ),
    )
    .returning({ slot: appSlots.slot });
  return given.length > 0 ? { ...slot, runId, takenAtMs: nowMs } : undefined;
}

/** The app works on the run of this slot: it takes that many at least. */
export async function admitSlot(db: Db, slot: TakenSlot, nowMs: number): Promise<void> {
  await admitted(db).execute({ ...slot, nowMs });
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
  slot: TakenSlot,
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
