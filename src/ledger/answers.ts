import { and, asc, desc, eq } from "drizzle-orm";
import type { AskHandle } from "../fastio/ports/ask.ts";
import type { Db } from "./open-ledger.ts";
import { type AnswerRow, answers, type FoundIn } from "./schema.ts";

export type AskPhase = AnswerRow["phase"];

/** The questions of one phase of a run, in the order of the rule; those not written down yet are. */
export async function openAnswers(
  db: Db,
  { runId, phase }: { readonly runId: string; readonly phase: AskPhase },
  names: readonly string[],
  nowMs: number,
): Promise<readonly AnswerRow[]> {
  if (names.length === 0) return [];
  const rows = names.map(
    (into, ordinal) => ({ runId, phase, into, ordinal, state: "waiting", sinceMs: nowMs }) as const,
  );
  await db.insert(answers).values(rows).onConflictDoNothing();
  return db
    .select()
    .from(answers)
    .where(and(eq(answers.runId, runId), eq(answers.phase, phase)))
    .orderBy(asc(answers.ordinal));
}

/** All questions of a run: those before the workflow first. */
export function listAnswers(db: Db, runId: string): Promise<AnswerRow[]> {
  return db.select().from(answers).where(eq(answers.runId, runId)).orderBy(
    // "before" comes after "after" in the alphabet.
    desc(answers.phase),
    asc(answers.ordinal),
  );
}

type Key = Pick<AnswerRow, "runId" | "phase" | "into">;

/** Written before the answer is waited for, so that a crash costs no second question. */
export function saveAsked(
  db: Db,
  key: Key,
  asked: { question: string; handle: AskHandle; note: string | null },
  nowMs: number,
) {
  return change(db, key, { ...asked, state: "asked", askedAtMs: nowMs });
}

/** Writes down how a question ended. */
export function endAnswer(
  db: Db,
  key: Key,
  end:
    | { readonly state: "answered"; readonly text: string; readonly foundIn: readonly FoundIn[] }
    | { readonly state: "unanswered"; readonly note: string },
  nowMs: number,
) {
  return change(db, key, { ...end, endedAtMs: nowMs });
}

async function change(
  db: Db,
  { runId, phase, into }: Key,
  set: Partial<typeof answers.$inferInsert>,
): Promise<AnswerRow> {
  const [row] = await db
    .update(answers)
    .set(set)
    .where(and(eq(answers.runId, runId), eq(answers.phase, phase), eq(answers.into, into)))
    .returning();
  if (!row) throw new Error("the question is not in the ledger");
  return row;
}

/** Forgets what was answered, so that a replay asks anew. @param phase only this one */
export async function forgetAnswers(db: Db, runId: string, phase?: AskPhase): Promise<void> {
  await db.delete(answers).where(and(eq(answers.runId, runId), phase && eq(answers.phase, phase)));
}
