import { listAnswers } from "../src/ledger/answers.ts";
import { listNotices } from "../src/ledger/notices.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { findReceipt } from "../src/ledger/receipts.ts";
import type { AnswerRow, FoundIn } from "../src/ledger/schema.ts";

/** One question of the rule, and what came of it. */
export type ToldAnswer = {
  readonly name: string;
  /** Before the workflow, or after its outputs were placed. */
  readonly phase: AnswerRow["phase"];
  readonly state: AnswerRow["state"];
  /** As it was asked; null before. */
  readonly question: string | null;
  readonly answer: string | null;
  readonly foundIn: readonly FoundIn[];
  /** Why there is no answer, or what it lacks. */
  readonly note: string | null;
};

/** Who was told of the run's ending, or is going to be. */
export type ToldEnding = {
  readonly by: "comment" | "note" | "notice";
  readonly state: "waiting" | "done" | "given_up";
  /** Why it was not told yet, or never will be. */
  readonly error: string | null;
};

/** What was asked about a run, and who was told of it. */
export async function readTellings(
  db: Db,
  runId: string,
): Promise<{ readonly answers: readonly ToldAnswer[]; readonly told: readonly ToldEnding[] }> {
  const [answers, receipt, notices] = await Promise.all([
    listAnswers(db, runId),
    findReceipt(db, runId),
    listNotices(db, runId),
  ]);
  return {
    answers: answers.map(({ into, phase, state, question, text, foundIn, note }) => ({
      name: into,
      phase,
      state,
      question,
      answer: text,
      foundIn,
      note,
    })),
    told: [
      ...(receipt ? [{ by: receipt.kind, state: receipt.state, error: receipt.error }] : []),
      ...notices.map(({ state, error }) => ({
        by: "notice" as const,
        state: state === "sent" ? ("done" as const) : state,
        error,
      })),
    ],
  };
}
