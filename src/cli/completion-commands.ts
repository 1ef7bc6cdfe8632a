import type { Command } from "commander";
import type { CliContext, ExitCode } from "./context.ts";

const WHERE = {
  bash: 'in ~/.bashrc:  eval "$(relay completion bash)"',
  zsh: 'in ~/.zshrc, after compinit:  eval "$(relay completion zsh)"',
  fish: "relay completion fish > ~/.config/fish/completions/relay.fish",
} as const;

/** The commands that print what shells and readers need to know of all commands. */
export function addCompletionCommands(
  program: Command,
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): void {
  const completion = program.command("completion").description("complete commands and options with the tab key");
  for (const shell of ["bash", "zsh", "fish"] as const) {
    completion
      .command(shell)
      .description(WHERE[shell])
      .action(() =>
        end(
          import("./completion.ts").then(({ COMPLETIONS }) => {
            context.write(COMPLETIONS[shell](program));
            return 0;
          }),
        ),
      );
  }
  program
    .command("reference", { hidden: true })
    .description("print docs/cli.md")
    .action(() =>
      end(
        import("./reference.ts").then(({ printReference }) => {
          context.write(printReference(program));
          return 0;
        }),
      ),
    );
}
