import { and, eq, type Placeholder, type SQL, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { changeManyRuns } from "./change-many-runs.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { appStates, runs } from "./schema.ts";
import { WAITS_FOR_TURN } from "./turns.ts";

export type AppState = typeof appStates.$inferSelect;

/** Whether an app is paused, as a condition of other statements. */
export const isPausedApp = (app: string | Placeholder): SQL =>
  sql`exists (select 1 from ${appStates} where ${appStates.app} = ${app} and ${appStates.state} = 'paused')`;

/** States by app; an app without a line is active. */
export async function listAppStates(db: Db): Promise<ReadonlyMap<string, AppState>> {
  const rows = await db.select().from(appStates);
  return new Map(rows.map((row) => [row.app, row]));
}

const pausedApp = builtOnce((db) =>
  db
    .select()
    .from(appStates)
    .where(and(eq(appStates.app, sql.placeholder("app")), eq(appStates.state, "paused")))
    .prepare(UNNAMED),
);

/** undefined: it is active. */
export async function findPausedApp(db: Db, app: string): Promise<AppState | undefined> {
  const [row] = await pausedApp(db).execute({ app });
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
    const progress = isPause ? waitsForPausedApp(state) : WAITS_FOR_TURN;
    const isMeant = and(eq(runs.waitingApp, app), sql`${runs.progress} is distinct from ${progress}`);
    await changeManyRuns(tx, { progress }, isMeant, sql`${runs.waitingApp} is not distinct from ${app}`);
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
