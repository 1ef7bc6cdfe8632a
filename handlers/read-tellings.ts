import { listAnswers } from "../src/ledger/answers.ts";
import { listNotices } from "../src/ledger/notices.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { findReceipt } from "../src/ledger/receipts.ts";
import type { RunRow } from "../src/ledger/schema.ts";
import { isHidden } from "../src/rules/show.ts";
import type { ToldAnswer, ToldEnding } from "./run-schemas.ts";

/** What was asked about a run, and who was told of it. */
export async function readTellings(
  db: Db,
  { id: runId, rule }: Pick<RunRow, "id" | "rule">,
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
      // Before the workflow an answer is one of its inputs, after it about what came out.
      ...(isHidden(rule, phase === "before" ? "inputs" : "outputs", into)
        ? { answer: null, note: "not shown by the rule" }
        : { answer: text, note }),
      foundIn,
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
