import { type Command, InvalidArgumentError, Option } from "commander";
import { SAMPLE_SHAPE_NAMES } from "../fastio/samples/sample-deliveries.ts";
import { SAMPLE_SCHEMES, type SampleScheme, TAMPERINGS } from "../fastio/samples/sign-sample.ts";
import type { CliContext, ExitCode } from "./context.ts";
import type { TriggerOptions } from "./triggering.ts";

/** The command that sends sample deliveries. */
export function addTriggerCommand(
  program: Command,
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): void {
  program
    .command("trigger")
    .description("send a signed sample delivery to a running relay, and tell what it says")
    .addOption(
      new Option("--shape <shape>", "what the body looks like; --list tells of each")
        .choices(SAMPLE_SHAPE_NAMES)
        .default("P1"),
    )
    .addOption(
      new Option(
        "--scheme <scheme>",
        `how it is signed: ${Object.keys(SAMPLE_SCHEMES).join(", ")}; default: FASTIO_SIGNATURE`,
      ).argParser(parseScheme),
    )
    .option(
      "--event <name>",
      "what it tells of: file.created, file.version_added, ping, … or Fast.io's own name",
      "file.created",
    )
    .option("--node <id>", "a file that is there, to start a real run; default: one that nobody has")
    .option("--workspace <id or name>", "where the file lies; default: the one that the rules name")
    .option("--actor <user id>", "who is said to have done it; default: nobody")
    .option("--secret-file <path>", "sign with the first secret in it; default: FASTIO_WEBHOOK_SECRETS(_FILE)")
    .addOption(new Option("--tamper <what>", "make it wrong on purpose, to see it refused").choices(TAMPERINGS))
    .option("--list", "tell the shapes and schemes, send nothing", false)
    .option("--wait", "follow what becomes of it to its end", false)
    .option("--json", "as JSON", false)
    .action((options: TriggerOptions) => end(import("./trigger.ts").then(({ trigger }) => trigger(context, options))));
}

function parseScheme(text: string): SampleScheme {
  const scheme = Object.hasOwn(SAMPLE_SCHEMES, text) ? SAMPLE_SCHEMES[text] : undefined;
  if (scheme === undefined) throw new InvalidArgumentError(`schemes are ${Object.keys(SAMPLE_SCHEMES).join(", ")}.`);
  return scheme;
}
