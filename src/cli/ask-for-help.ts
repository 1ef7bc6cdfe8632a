import type { Command } from "commander";

const FLAGS: readonly string[] = ["-h", "--help"];

/**
 * `help runs list` asks what `runs list --help` asks. Of a command that is not there no help is asked: Commander would
 * tell of what is above it, and not that it is not there.
 * @returns the arguments as Commander is to read them
 */
export function askForHelp(program: Command, argv: readonly string[]): readonly string[] {
  const path: string[] = [];
  let at = program;
  let isAsked = false;
  for (const word of argv) {
    if (at.commands.length === 0 || word.startsWith("-")) break;
    if (word === "help") {
      isAsked = true;
      continue;
    }
    path.push(word);
    const below = at.commands.find((command) => command.name() === word);
    if (!below) return isAsked || argv.some((one) => FLAGS.includes(one)) ? path : argv;
    at = below;
  }
  return isAsked ? [...path, "--help"] : argv;
}
