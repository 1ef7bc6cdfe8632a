import { asc, desc, eq } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { attempts } from "./schema.ts";

export type NewAttempt = typeof attempts.$inferInsert;

/**
 * Writes down one try at a step. Tries that only found out that it is too early become one line that grows,
 * because there may be thousands of them.
 */
export async function recordAttempt(db: Db, attempt: NewAttempt): Promise<void> {
  if (attempt.outcome === "later") {
    const [last] = await db
      .select()
      .from(attempts)
      .where(eq(attempts.runId, attempt.runId))
      .orderBy(desc(attempts.id))
      .limit(1);
    if (last?.outcome === "later" && last.step === attempt.step) {
      const { startedAtMs, waitedFor, ...rest } = attempt;
      const workedMs = (last.workedMs ?? last.finishedAtMs - last.startedAtMs) + attempt.finishedAtMs - startedAtMs;
      const sums = { tries: last.tries + 1, workedMs, betweenFor: waitedFor ?? null };
      await db
        .update(attempts)
        .set({ ...rest, ...sums })
        .where(eq(attempts.id, last.id));
      return;
    }
  }
  await db.insert(attempts).values(attempt);
}

export function listAttempts(db: Db, runId: string) {
  return db.select().from(attempts).where(eq(attempts.runId, runId)).orderBy(asc(attempts.id));
}
