import { type AskDeps, askQuestions, asksOf } from "../questions/ask-questions.ts";
import { concludeAnswers, WAITS_FOR_ANSWERS } from "../questions/conclude-answers.ts";
import type { RunDesk, RunProgress } from "../run-desk.ts";

/**
 * Puts the rule's questions about what was placed; the answers stand in what the share says.
 * @returns undefined when they are settled; else when to look again
 */
export async function askAboutOutputs(deps: AskDeps, desk: RunDesk): Promise<RunProgress | undefined> {
  const asks = asksOf(desk, "after");
  if (asks.every(({ into }) => Object.hasOwn(desk.run.answerTexts, into))) return undefined;
  const progress = await desk.step("ask", () => askQuestions(deps, desk, "after"));
  if (progress.kind === "postpone") {
    await desk.checkpoint({ progress: WAITS_FOR_ANSWERS });
    return progress;
  }
  await concludeAnswers(desk, progress.answers);
  return undefined;
}
