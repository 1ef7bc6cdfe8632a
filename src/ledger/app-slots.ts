import { and, eq, gt, lte, type Placeholder, type SQL, sql } from "drizzle-orm";
import { heldNow, readAppRoom } from "./app-limits.ts";
import { isPausedApp } from "./app-states.ts";
import { builtOnce } from "./built-once.ts";
import { doTogether } from "./do-together.ts";
import { linesOf } from "./lines.ts";
import { LOCK_PATIENCE, patient } from "./lock-patience.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { appLimits, appSlots } from "./schema.ts";

/** How long a slot outlives the last word of its worker. */
export const SLOT_LEASE_MS = 4_000;
/** Two workers may reach for the same free slot; the loser tries another. */
const TRIES = 3;

export type SlotHolder = { readonly app: string; readonly runId: string; readonly owner: string };
export type TakenSlot = SlotHolder & { readonly slot: number; readonly takenAtMs: number };

/**
 * Takes a free slot, in one statement that can neither pass the limit's count of slots nor take one that is held.
 * @returns undefined when none is free, or the app is given a rest or paused
 */
export async function takeSlot(db: Db, holder: SlotHolder, nowMs: number): Promise<TakenSlot | undefined> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const slot = await insertSlot(taken(db), holder, nowMs);
    if (slot) return slot;
    if ((await readAppRoom(db, holder.app, nowMs)).free === 0) return undefined;
  }
  return undefined;
}

/** A slot for a run that is found at work in the app already: it is counted, whatever the limit says. */
export async function occupySlot(db: Db, holder: SlotHolder, nowMs: number): Promise<TakenSlot | undefined> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const slot = await insertSlot(occupied(db), holder, nowMs);
    if (slot) return slot;
  }
  return undefined;
}

const APP = sql.placeholder("app");
const NOW = sql.placeholder("nowMs");
const UNTIL = sql.placeholder("untilMs");

/** @param upTo number of the last slot that may be taken @param condition of the app's limit */
const inserting = (db: Db, upTo: SQL, condition: SQL) =>
  db
    .insert(appSlots)
    .select(
      // Columns in the order of the schema.
      sql`select ${appLimits.app}, n, ${sql.placeholder("runId")}::text, ${sql.placeholder("owner")}::text,
          ${NOW}::bigint, ${UNTIL}::bigint, null::bigint
        from ${appLimits}, generate_series(1, ${upTo}) n
        where ${eq(appLimits.app, APP)} ${condition}
          and not exists (
            select 1 from ${appSlots}
            where ${appSlots.app} = ${appLimits.app} and ${appSlots.slot} = n and ${gt(appSlots.untilMs, NOW)})
        order by n limit 1`,
    )
    .onConflictDoUpdate({
      target: [appSlots.app, appSlots.slot],
      set: {
        runId: sql`excluded.run_id`,
        owner: sql`excluded.owner`,
        takenAtMs: sql`excluded.taken_at_ms`,
        untilMs: sql`excluded.until_ms`,
        admittedAtMs: null,
      },
      // Looked at once more in the row itself: another may have taken it since the statement began.
      setWhere: lte(appSlots.untilMs, NOW),
    })
    .returning({ slot: appSlots.slot })
    .prepare(UNNAMED);

const taken = builtOnce((db) =>
  inserting(
    db,
    sql`${appLimits.slots}`,
    sql`and ${appLimits.restUntilMs} <= ${NOW} and (${heldNow(APP, NOW)}) < ${appLimits.slots} and not ${isPausedApp(APP)}`,
  ),
);
// Among one slot more than are held there is always a free one.
const occupied = builtOnce((db) => inserting(db, sql`(${heldNow(APP, NOW)}) + 1`, sql``));

async function insertSlot(
  statement: ReturnType<typeof inserting>,
  { app, runId, owner }: SlotHolder,
  nowMs: number,
): Promise<TakenSlot | undefined> {
  const [row] = await statement.execute({ app, runId, owner, nowMs, untilMs: nowMs + SLOT_LEASE_MS });
  return row && { app, runId, owner, slot: row.slot, takenAtMs: nowMs };
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

const HELD = { app: "text", slot: "integer", run_id: "text", owner: "text", now_ms: "bigint" } as const;

type HeldLine = { readonly held: TakenSlot; readonly nowMs?: number };

/** One statement for slots that many runs give back, or are admitted in, at the same time. */
const together = (write: (lines: SQL, isHeld: SQL) => SQL) =>
  builtOnce((db) => {
    const isHeld = sql`held.app = line.app and held.slot = line.slot and held.run_id = line.run_id and held.owner = line.owner`;
    const written = db
      .$with("written", { slot: appSlots.slot })
      .as(write(sql`${linesOf("lines", HELD)}, ${LOCK_PATIENCE}`, isHeld));
    const statement = db.with(written).select().from(written).prepare(UNNAMED);
    return doTogether(async (all: readonly HeldLine[], patienceMs) => {
      const lines = all.map(({ held: { app, slot, runId, owner }, nowMs }) => {
        return { app, slot, run_id: runId, owner, now_ms: nowMs };
      });
      await statement.execute({ lines: JSON.stringify(lines), ...patient(patienceMs) });
      return all.map(() => undefined);
    });
  });

const freed = together(
  (lines, isHeld) => sql`delete from ${appSlots} held using ${lines} where ${isHeld} returning held.slot`,
);
const admitted = together(
  (lines, isHeld) =>
    sql`update ${appSlots} held set admitted_at_ms = line.now_ms from ${lines} where ${isHeld} returning held.slot`,
);

/** Gives a slot back; one that ran out and was taken by another run is left to that. */
export const freeSlot = async (db: Db, held: TakenSlot): Promise<void> => freed(db)({ held });

const handedOver = builtOnce((db) =>
  db
    .update(appSlots)
    .set({
      runId: sql`${sql.placeholder("nextRunId")}`,
      takenAtMs: sql`${NOW}`,
      untilMs: sql`${UNTIL}`,
      admittedAtMs: null,
    })
    .where(
      and(
        isHeldBy({
          app: sql.placeholder("app"),
          slot: sql.placeholder("slot"),
          runId: sql.placeholder("runId"),
          owner: sql.placeholder("owner"),
        }),
        gt(appSlots.untilMs, NOW),
        sql`exists (
          select 1 from ${appLimits}
          where ${eq(appLimits.app, APP)} and ${appLimits.restUntilMs} <= ${NOW} and not ${isPausedApp(APP)}
            and (${heldNow(APP, NOW)}) <= ${appLimits.slots})`,
      ),
    )
    .returning({ slot: appSlots.slot })
    .prepare(UNNAMED),
);

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
  const given = await handedOver(db).execute({ ...slot, nextRunId: runId, nowMs, untilMs: nowMs + SLOT_LEASE_MS });
  return given.length > 0 ? { ...slot, runId, takenAtMs: nowMs } : undefined;
}

/** The app works on the run of this slot: it takes that many at least. */
export const admitSlot = async (db: Db, held: TakenSlot, nowMs: number): Promise<void> => admitted(db)({ held, nowMs });
