import type { AnswerRow } from "../../src/ledger/schema.ts";

/** An answer as it is handed on: its text, and below it the files it was found in. */
export function tellAnswer({ text, foundIn }: Pick<AnswerRow, "text" | "foundIn">): string {
  const places = foundIn.map(({ name, page }) => (page === undefined ? name : `${name} (page ${page})`));
  return `${text ?? ""}${places.length === 0 ? "" : `\n\nFound in: ${places.join(", ")}`}`;
}

/** What is to be told of questions that have no answer, or one that lacks something. */
export const answerWarnings = (answers: readonly AnswerRow[]): readonly string[] =>
  answers.flatMap(({ into, state, note }) => {
    if (note === null) return [];
    return [
      state === "answered" ? `the answer ${into}: ${note}` : `the question for ${into} was not answered: ${note}`,
    ];
  });
