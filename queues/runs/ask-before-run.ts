import { fitText } from "../../src/dify/fit-text.ts";
import type { Dify, DifyInput } from "../../src/dify/types.ts";
import { PermanentError } from "../../src/errors.ts";
import type { AnswerRow } from "../../src/ledger/schema.ts";
import { type AskDeps, askQuestions, asksOf } from "../questions/ask-questions.ts";
import { concludeAnswers, WAITS_FOR_ANSWERS } from "../questions/conclude-answers.ts";
import { asIfAnswered } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";
import type { ReadAppParameters } from "./app-parameters.ts";
import { prepareRunInputs } from "./prepare-run-inputs.ts";

export type AskBeforeRunDeps = AskDeps & {
  readonly dify: Pick<Dify, "readParameters">;
  readonly readAppParameters: ReadAppParameters;
};

type Asked = { readonly kind: "answered" } | { readonly kind: "postpone"; readonly delayMs: number };

/**
 * Puts the rule's questions and waits for the answers, which become inputs. Nothing is asked for inputs that the app
 * would not take anyway.
 * @throws {PermanentError} `dify_input_invalid`; `question_unanswered` when the app cannot do without an answer
 */
export async function askBeforeRun(deps: AskBeforeRunDeps, desk: RunDesk): Promise<Asked> {
  const asks = asksOf(desk, "before");
  if (asks.every(({ into }) => Object.hasOwn(desk.run.answerTexts, into))) return { kind: "answered" };
  return desk.step("ask", async () => {
    const { run, signal } = desk;
    const { inputs } = await deps.readAppParameters(run.rule.run.keyVariable, deps.dify, signal);
    // The files of a batch were checked when they were fetched.
    if (run.fileCount === null) prepareRunInputs(asIfAnswered(run), inputs);

    const progress = await askQuestions(deps, desk, "before");
    if (progress.kind === "postpone") {
      await desk.checkpoint({ progress: WAITS_FOR_ANSWERS });
      return progress;
    }
    refuseMissing(progress.answers, inputs);
    await concludeAnswers(desk, progress.answers, (into, text) => fitInput(inputs, into, text));
    return { kind: "answered" };
  });
}

function refuseMissing(answers: readonly AnswerRow[], inputs: readonly DifyInput[]): void {
  const missing = answers.filter(
    ({ state, into }) => state !== "answered" && inputs.some(({ variable, required }) => variable === into && required),
  );
  if (missing.length === 0) return;
  const why = missing.map(({ into, note }) => `${into}: ${note ?? "no answer"}`).join("; ");
  throw new PermanentError("question_unanswered", `the app needs an answer that Fast.io did not give: ${why}`, {
    nextAction: "make the question plainer or the variable optional in the app's Start node, then replay",
  });
}

function fitInput(inputs: readonly DifyInput[], into: string, text: string) {
  const limit = inputs.find(({ variable }) => variable === into)?.maxLength;
  const fitted = fitText(text, limit);
  return fitted === text
    ? { text }
    : { text: fitted, warning: `the answer ${into} was cut to the ${limit} characters that the app takes` };
}
