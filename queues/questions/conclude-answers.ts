import type { AnswerRow } from "../../src/ledger/schema.ts";
import { addWarnings } from "../add-warnings.ts";
import type { RunDesk } from "../run-desk.ts";

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

/** An answer as it is handed on: its text, and below it the files it was found in. */
function tellAnswer({ text, foundIn }: Pick<AnswerRow, "text" | "foundIn">): string {
  const places = foundIn.map(({ name, page }) => (page === undefined ? name : `${name} (page ${page})`));
  return `${text ?? ""}${places.length === 0 ? "" : `\n\nFound in: ${places.join(", ")}`}`;
}

/** What is to be told of questions that have no answer, or one that lacks something. */
const answerWarnings = (answers: readonly AnswerRow[]): readonly string[] =>
  answers.flatMap(({ into, state, note }) => {
    if (note === null) return [];
    return [
      state === "answered" ? `the answer ${into}: ${note}` : `the question for ${into} was not answered: ${note}`,
    ];
  });
