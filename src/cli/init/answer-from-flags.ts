import { PermanentError } from "../../errors.ts";
import { plain, plainLines } from "../../text/unseen.ts";
import type { CliContext } from "../context.ts";
import { showWhile } from "../progress.ts";
import type { Asker, Choice, Question } from "./asker.ts";

/**
 * Answers what can be answered without a person: with what is proposed. Anything else ends the command, naming the
 * option that is missing.
 */
export function answerFromFlags(context: CliContext, { json }: { readonly json: boolean }): Asker {
  const tell = json ? context.warn : context.print;
  return {
    isPerson: false,
    say: (words) => tell(plain(words)),
    warn: (words) => context.warn(plain(words)),
    show: (title, lines) => {
      for (const line of [`${title}:`, ...lines.map((one) => `  ${one}`)]) tell(plain(line));
    },
    busy: (words, work) => showWhile(context, words, work),
    secret: async (question) => missing(question),
    text: async ({ proposal, check, ...question }) => {
      if (proposal === undefined) return missing(question);
      const fault = check?.(proposal);
      return fault === undefined ? proposal : missing(question);
    },
    choose: async ({ proposal, choices, ...question }) => {
      const chosen = choices.find(({ value }) => value === proposal);
      return chosen === undefined ? missing(question, choices) : chosen.value;
    },
    confirm: async ({ proposal }) => proposal,
  };
}

/** @throws {PermanentError} `usage_invalid`, always */
function missing({ message, flag }: Question, choices: readonly Choice<string>[] = []): never {
  const there = choices.map(({ value, label }) => `\n  ${value}${label === value ? "" : `  ${label}`}`).join("");
  throw new PermanentError("usage_invalid", plainLines(`nobody is here to be asked: ${message}${there}`), {
    nextAction: `say it with ${flag}, or run relay init in a terminal`,
  });
}
