import { Command, CommanderError, Help, Option } from "commander";
import { VERSION } from "../version.ts";
import { askForHelp } from "./ask-for-help.ts";
import { addBulkCommands } from "./bulk-commands.ts";
import { addCompletionCommands } from "./completion-commands.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { addDoctorCommands } from "./doctor-commands.ts";
import { addFastioCommands } from "./fastio-commands.ts";
import { addHelp } from "./help-texts.ts";
import { addInitCommand } from "./init/init-command.ts";
import { paint } from "./paint.ts";
import { refuseBlankOptions } from "./refuse-blank-options.ts";
import { addRelayOption } from "./relay-option.ts";
import { addRulesCommands } from "./rules-commands.ts";
import { addRunCommands } from "./run-commands.ts";
import { addServiceCommands } from "./service-commands.ts";
import { addShareCommands } from "./share-commands.ts";
import { addTriggerCommand } from "./trigger-command.ts";

/**
 * Runs the command that the arguments name. Each command is loaded when it is called: a worker has no need of the demo.
 * @param argv without the interpreter and the script
 */
export async function runProgram(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  let code: ExitCode = 0;
  const end = async (result: ExitCode | Promise<ExitCode>): Promise<void> => {
    code = await result;
  };
  try {
    const program = buildProgram(context, end);
    await program.parseAsync(askForHelp(program, argv), { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

/** The tree of commands; help, completion and the reference in docs/cli.md are made of it. */
export function buildProgram(
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): Command {
  let relayUrl: string | undefined;
  /** The command's own: what `--url` says counts as RELAY_URL. */
  const own: CliContext = {
    ...context,
    get environment() {
      return relayUrl === undefined ? context.environment : { ...context.environment, RELAY_URL: relayUrl };
    },
  };
  const program = new Command("relay")
    .description("A file lands in a Fast.io workspace, a Dify workflow runs on it, a Fast.io share comes out.")
    .version(
      `${VERSION} (Node.js ${process.versions.node})`,
      "-V, --version",
      "tell the version of the relay and of Node.js",
    )
    .exitOverride()
    // Else --json behind the name of a subcommand would be its parent's.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => context.write(text),
      writeErr: (text) => context.warn(text.trimEnd()),
      // What commander says, and then what we say of it.
      outputError: (text, write) => write(text.replace(/ is invalid\. (?=[a-z])/, " is invalid: ")),
      getOutHelpWidth: () => Math.min(100, context.columns),
      getOutHasColors: () => context.hasColour,
    })
    .configureHelp({
      styleTitle: (text) => paint(context, "bold", text),
      styleCommandText: (text) => paint(context, "cyan", text),
      styleSubcommandText: (text) => paint(context, "cyan", text),
      styleOptionText: (text) => paint(context, "cyan", text),
      // That a switch is off until it is named goes without saying.
      optionDescription: (option) => new Help().optionDescription(withoutDefault(option)),
    })
    .showHelpAfterError("(--help tells more)");

  program.commandsGroup("Begin:");
  addInitCommand(program, own, end);
  addDoctorCommands(program, own, end);
  program.commandsGroup("Run:");
  addServiceCommands(program, own, end);
  program.commandsGroup("Operate:");
  addRunCommands(program, own, end);
  addBulkCommands(program, own, end);
  addRulesCommands(program, own, end);
  addShareCommands(program, own, end);
  program.commandsGroup("Fast.io:");
  addFastioCommands(program, own, end);
  program.commandsGroup("Try and connect:");
  addTriggerCommand(program, own, end);
  program
    .command("tools")
    .description("Fast.io as tools of agents")
    .command("openapi")
    .description("print the OpenAPI document that Dify imports as a custom tool; its address comes from PUBLIC_URL")
    .action(() => end(import("./tools-openapi.ts").then(({ printOpenApi }) => printOpenApi(own))));
  program
    .command("api")
    .description("the JSON API behind the pages")
    .command("openapi")
    .description("print its OpenAPI document; its address comes from PUBLIC_URL")
    .action(() => end(import("./api-openapi.ts").then(({ printApiDocument }) => printApiDocument(own))));
  addCompletionCommands(program, own, end);

  program.helpCommand("help [command]", "tell of a command");

  addRelayOption(program, (url) => {
    relayUrl = url;
  });
  refuseBlankOptions(program);
  addHelp(program);
  return program;
}

function withoutDefault(option: Option): Option {
  const { defaultValue } = option;
  const isEmpty = typeof defaultValue === "object" && defaultValue !== null && Object.keys(defaultValue).length === 0;
  const isNothing = defaultValue === false || isEmpty;
  if (!isNothing) return option;
  const plain = new Option(option.flags, option.description);
  return option.argChoices ? plain.choices(option.argChoices) : plain;
}
