import type { Command } from "commander";

/** A command by its path below the program. @throws {Error} when there is none, which is a slip in our own lists */
export function subcommandAt(program: Command, path: readonly string[]): Command {
  return path.reduce((at, name) => {
    const found = at.commands.find((command) => command.name() === name);
    if (!found) throw new Error(`there is no command ${path.join(" ")}`);
    return found;
  }, program);
}

export type TreeCommand = {
  /** Below the program: `["runs", "list"]`; empty for the program itself. */
  readonly path: readonly string[];
  readonly command: Command;
};

/** The program and every command below it, parents first, in the order of their help. */
export function commandsOf(command: Command, path: readonly string[] = []): readonly TreeCommand[] {
  const below = command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== "help")
    .flatMap((one) => commandsOf(one, [...path, one.name()]));
  return [{ path, command }, ...below];
}
