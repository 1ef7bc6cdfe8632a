import { confirm, isCancel, log, note, password, S_BAR, select, text } from "@clack/prompts";
import { plain } from "../../text/unseen.ts";
import type { CliContext } from "../context.ts";
import { foldLine } from "../fold-line.ts";
import { paint } from "../paint.ts";
import { showWhile } from "../progress.ts";
import { type Asker, Left } from "./asker.ts";

/** Before each line: a mark or a bar, and two blanks. */
const MARK_CHARS = 3;

/** Asks in a terminal. Every question rejects with `Left` at Ctrl-C. */
export function askPerson(context: CliContext): Asker {
  const { signal } = context;
  const answered = <T>(answer: T): Exclude<T, symbol> => {
    if (isCancel(answer) || typeof answer === "symbol") throw new Left();
    return answer as Exclude<T, symbol>; // the check does not narrow a type parameter
  };
  const folded = (words: string): readonly string[] =>
    plain(words)
      .split("\n")
      .flatMap((line) => foldLine(context, line, "", MARK_CHARS));
  // The library breaks the words of lists by itself, and these nowhere.
  const asked = (message: string): string => folded(message).join(`\n${paint(context, "dim", S_BAR)}  `);
  return {
    isPerson: true,
    say: (words) => log.step(folded(words).join("\n")),
    warn: (words) => log.warn(folded(words).join("\n")),
    show: (title, lines) => note(lines.map(plain).join("\n"), title, { format: (line) => line }),
    // Not the library's own spinner, which ends the process at Ctrl-C.
    busy: (words, work) => showWhile(context, words, work),
    secret: async ({ message }) =>
      answered(
        await password({
          message: asked(message),
          signal,
          validate: (value) => (value?.trim() ? undefined : "it is needed"),
        }),
      ).trim(),
    text: async ({ message, proposal, check }) =>
      answered(
        await text({
          message: asked(message),
          signal,
          ...(proposal === undefined ? {} : { initialValue: proposal }),
          validate: (value) => check?.((value ?? "").trim()),
        }),
      ).trim(),
    choose: async ({ message, choices, proposal }) => {
      const options = choices.map(({ value, label, hint }) => ({
        value: value as string,
        label: plain(label),
        ...(hint === undefined ? {} : { hint: plain(hint) }),
      }));
      const answer = answered(
        await select<string>({
          message,
          signal,
          options,
          ...(proposal === undefined ? {} : { initialValue: proposal }),
        }),
      );
      const chosen = choices.find(({ value }) => value === answer);
      if (!chosen) throw new Left();
      return chosen.value;
    },
    confirm: async ({ message, proposal }) => answered(await confirm({ message, signal, initialValue: proposal })),
  };
}
