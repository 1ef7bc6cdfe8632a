import { type Command, InvalidArgumentError } from "commander";
import { commandsOf } from "./command-tree.ts";

/** Where nothing at all is an answer too: why something is done, and what `init` would ask; no list is. */
const MAY_BE_BLANK = "--reason";
const BY_ANSWERS = "init";

/**
 * Refuses options and arguments that say nothing. A script whose variable is empty would else leave a filter out without a word, and
 * do to the runs of all rules what was meant for one.
 */
export function refuseBlankOptions(program: Command): void {
  for (const { path, command } of commandsOf(program)) {
    for (const argument of command.registeredArguments)
      argument.argParser(argument.variadic ? (text, before: unknown) => [...wordsOf(before), said(text)] : said);
    for (const option of command.options) {
      // Those that are read by a parser of their own are refused by it.
      if (!option.required || option.parseArg || option.long === MAY_BE_BLANK) continue;
      if (option.variadic) option.argParser((text, before: unknown) => [...wordsOf(before), said(text)]);
      else if (path[0] !== BY_ANSWERS) option.argParser(said);
    }
  }
}

/** What a list holds already: its default, which is none, or the words before. */
const wordsOf = (before: unknown): readonly string[] => (Array.isArray(before) ? before : []);

function said(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("says nothing; leave it out if that is meant.");
  return text;
}
