import { and, asc, eq, type SQL, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./rule-state-queries.ts";
import { appLimits, appStates, runs } from "./schema.ts";
import { WAITS_FOR_TURN } from "./turns.ts";

export type AppState = typeof appStates.$inferSelect;

/** Whether an app is paused, as a condition of other statements. @param app a column, or its name */
export const isPausedApp = (app: SQL.Aliased | SQL | typeof appLimits.app | string): SQL =>
  sql`exists (select 1 from ${appStates} where ${appStates.app} = ${app} and ${appStates.state} = 'paused')`;

/** undefined: it is active. */
export async function findPausedApp(db: Db, app: string): Promise<AppState | undefined> {
  const [row] = await db
    .select()
    .from(appStates)
    .where(and(eq(appStates.app, app), eq(appStates.state, "paused")));
  return row;
}

/** What a run says of itself while it waits for a paused app. */
export const waitsForPausedApp = ({ reason }: Pick<AppState, "reason">): string =>
  `waits: its Dify app is paused${reason === null ? "" : ` (${reason})`}`;

/**
 * Pauses an app or lets it go on, and writes down who wanted it. Its runs wait where they are, in the ledger; what Dify
 * works on goes on. Safe to repeat: what is so already changes nothing, unless a pause comes with another reason.
 * @returns whether anything was changed
 */
export async function setAppState(
  db: Db,
  state: AppState,
  detail: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const { app, reason, changedBy, sinceMs } = state;
  return db.transaction(async (tx) => {
    // Of two who ask at once the second sees what the first has done.
    await tx
      .insert(appStates)
      .values({ ...state, state: "active", reason: null })
      .onConflictDoNothing();
    const [before] = await tx.select().from(appStates).where(eq(appStates.app, app)).for("update");
    const isPause = state.state === "paused";
    const isSame = before?.state === state.state && (!isPause || reason === null || before.reason === reason);
    if (isSame) return false;
    await tx.update(appStates).set({ state: state.state, reason, changedBy, sinceMs }).where(eq(appStates.app, app));
    await tx
      .update(runs)
      .set({ progress: isPause ? waitsForPausedApp(state) : WAITS_FOR_TURN })
      .where(eq(runs.waitingApp, app));
    await recordOperatorAction(tx, {
      atMs: sinceMs,
      actor: changedBy,
      action: isPause ? "app.pause" : "app.resume",
      target: app,
      detail: { ...detail, reason },
    });
    return true;
  });
}

/** What the ledger knows of an app. */
export type AppFacts = {
  readonly app: string;
  readonly state: AppState | undefined;
  /** Workflow runs it is given at a time; null: it was never asked. */
  readonly slots: number | null;
  /** Nothing is asked of it before. */
  readonly restUntilMs: number;
  /** Slots that are taken now. */
  readonly atWork: number;
  /** Runs that wait for it in the ledger. */
  readonly waiting: number;
};

/** Apps that the ledger knows, and those of the given names. */
export async function readApps(db: Db, names: readonly string[], nowMs: number): Promise<readonly AppFacts[]> {
  const known = await db
    .select({ app: appLimits.app })
    .from(appLimits)
    .union(db.select({ app: appStates.app }).from(appStates))
    .orderBy(asc(sql`app`));
  const apps = [...new Set([...names, ...known.map(({ app }) => app)])];
  if (apps.length === 0) return [];
  const list = sql.join(
    apps.map((app, place) => sql`(${app}::text, ${place}::int)`),
    sql`, `,
  );
  const rows = await db
    .select({
      app: sql<string>`known.app`,
      slots: appLimits.slots,
      restUntilMs: appLimits.restUntilMs,
      atWork: sql`(select count(*) from relay.app_slots s where s.app = known.app and s.until_ms > ${nowMs})`.mapWith(
        Number,
      ),
      waiting: sql`(select count(*) from relay.runs r where r.waiting_app = known.app)`.mapWith(Number),
      state: appStates,
    })
    .from(sql`(values ${list}) known (app, place)`)
    .leftJoin(appLimits, sql`${appLimits.app} = known.app`)
    .leftJoin(appStates, sql`${appStates.app} = known.app`)
    .orderBy(sql`known.place`);
  return rows.map(({ state, restUntilMs, ...facts }) => ({
    ...facts,
    state: state ?? undefined,
    restUntilMs: restUntilMs ?? 0,
  }));
}
