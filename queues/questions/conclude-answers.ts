import type { AnswerRow } from "../../src/ledger/schema.ts";
import { addWarnings } from "../add-warnings.ts";
import type { RunDesk } from "../run-desk.ts";
import { answerWarnings, tellAnswer } from "./tell-answers.ts";

/** What a run shows while its questions are under way. */
export const WAITS_FOR_ANSWERS = "waits for answers of Fast.io";

/**
 * Writes down what the questions came to: from here on inputs and texts hold it, and they are not looked at again.
 * @param trim makes an answer fit where it goes, and says what it had to do
 */
export async function concludeAnswers(
  desk: RunDesk,
  answers: readonly AnswerRow[],
  trim: (into: string, text: string) => { readonly text: string; readonly warning?: string } = (_, text) => ({ text }),
): Promise<void> {
  const { run } = desk;
  const texts: Record<string, string> = {};
  const warnings = [...answerWarnings(answers)];
  for (const answer of answers) {
    // Empty: asked, and without an answer.
    const fitted = answer.state === "answered" ? trim(answer.into, tellAnswer(answer)) : { text: "" };
    texts[answer.into] = fitted.text;
    if (fitted.warning !== undefined) warnings.push(fitted.warning);
  }
  await desk.checkpoint({
    answerTexts: { ...run.answerTexts, ...texts },
    progress: null,
    ...addWarnings(run, warnings),
  });
}
