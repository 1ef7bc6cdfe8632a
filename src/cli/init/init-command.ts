import { type Command, Option } from "commander";
import type { CliContext, ExitCode } from "../context.ts";
import { collectValue } from "../parse-options.ts";
import type { InitOptions } from "./init-options.ts";

/** The command that sets a relay up. */
export function addInitCommand(
  program: Command,
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): void {
  const command = program
    .command("init")
    .description("set a relay up, question by question: keys, workspace, app, rule; and try it with a first file");
  command
    .optionsGroup("Answers, for scripts or to be asked less:")
    .option("--fastio-key-from <variable>", "which variable holds Fast.io's key; default: FASTIO_API_KEY")
    .option("--dify-key-from <variable>", "which variable holds the Dify app's key; default: DIFY_API_KEY")
    .option("--org <id or domain>", "the organisation")
    .option("--workspace <id or name>", "the workspace that files come into")
    .option("--folder <path>", "the folder, with all below it; / is any")
    .option("--files <globs...>", "which files; default: those that the app takes")
    .option("--input <variable>", "the app's variable that the file goes into")
    .option("--set <name=value...>", "what goes into the app's other variables", collectValue, {})
    .option("--name <rule>", "what the rule is called; default: after the app")
    .addOption(
      new Option("--deliver <kind>", "how people get the outputs").choices([
        "share",
        "drop-off",
        "workspace",
        "file-share",
      ]),
    )
    .option("--invite <addresses...>", "who is let in", [])
    .addOption(
      new Option("--hear <way>", "of files, by webhook or by asking; default: webhook where that can be").choices([
        "webhook",
        "pull",
      ]),
    )
    .option("--public-url <address>", "where Fast.io and people reach the relay");
  command
    .optionsGroup("How:")
    .option("--yes", "ask nothing, and take what is proposed", false)
    .option("--replace", "replace other values in .env, and a rule of the same name", false)
    .option("--dry-run", "tell what would be written, and write nothing", false)
    .option("--try", "drop a first file and follow it to its share")
    .option("--no-try", "do not ask about a first file")
    .option("--json", "what was done, as JSON; asks nothing", false)
    .action((options: InitOptions) => end(import("./init.ts").then(({ init }) => init(context, options))));
}
