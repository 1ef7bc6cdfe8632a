import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { QueueName } from "../../queues/backend.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { addDoctorCommands } from "./doctor-commands.ts";
import { addFastioCommands } from "./fastio-commands.ts";
import { parseCount, parsePort } from "./parse-options.ts";
import { addRulesCommands } from "./rules-commands.ts";
import { addShareCommands } from "./share-commands.ts";

const ALL_QUEUES: readonly QueueName[] = ["events", "runs", "shares", "upkeep"];

/**
 * Runs the command that the arguments name. Each command is loaded when it is called: a worker has no need of the demo.
 * @param argv without the interpreter and the script */
export async function runProgram(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  let code: ExitCode = 0;
  const end = async (result: ExitCode | Promise<ExitCode>): Promise<void> => {
    code = await result;
  };
  const program = buildProgram(context, end);
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function buildProgram(context: CliContext, end: (result: ExitCode | Promise<ExitCode>) => Promise<void>): Command {
  const program = new Command("relay")
    .description("A file lands in a Fast.io workspace, a Dify workflow runs on it, a Fast.io share comes out.")
    .exitOverride()
    // Else --json behind the name of a subcommand would be its parent's.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => context.write(text),
      writeErr: (text) => context.warn(text.trimEnd()),
    })
    .showHelpAfterError("(--help tells more)")
    .addHelpText(
      "after",
      "\nSettings come from the environment and from a file .env, see .env.example.\nExit codes: 0 done, 1 failed, 2 usage, 78 configuration.",
    );

  program
    .command("demo")
    .description("the whole job on this machine, with both upstreams emulated")
    .option("--once", "leave when all files are done", false)
    .option("--json", "one JSON object per finished run", false)
    .option("--files <paths...>", "your own files instead of the samples", [])
    .option("--redis <url>", "put the queue on this Redis or Valkey")
    .option("--database <url>", "put the ledger on this PostgreSQL")
    .action((options) => end(import("./demo.ts").then(({ demo }) => demo(context, options))));

  program
    .command("start")
    .description("receiver and workers in one process")
    .action(() => end(import("./start.ts").then(({ start }) => start(context, { receive: true, work: ALL_QUEUES }))));
  program
    .command("receive")
    .description("the receiver and the pages alone")
    .action(() => end(import("./start.ts").then(({ start }) => start(context, { receive: true, work: [] }))));
  program
    .command("work")
    .description("workers alone")
    .addOption(
      new Option("--queues <names>", "which queues, separated by commas")
        .default(ALL_QUEUES, "all")
        .argParser(parseQueues),
    )
    .action(({ queues }: { queues: readonly QueueName[] }) =>
      end(import("./start.ts").then(({ start }) => start(context, { receive: false, work: queues }))),
    );

  addDoctorCommands(program, context, end);
  addRulesCommands(program, context, end);

  const runs = program.command("runs").description("what became of the files");
  runs
    .command("list")
    .description("newest first")
    .option("--json", "one JSON object per run", false)
    .option("--limit <count>", "how many", parseCount, 50)
    .action((options: { json: boolean; limit: number }) =>
      end(import("./runs.ts").then(({ listRuns }) => listRuns(context, options))),
    );
  runs
    .command("show")
    .description("one run with its outputs and attempts")
    .argument("<run>")
    .option("--json", "as JSON", false)
    .action((run: string, options: { json: boolean }) =>
      end(import("./runs.ts").then(({ showRun }) => showRun(context, run, options))),
    );

  runs
    .command("replay")
    .description("let runs that have ended, or were laid aside, begin again")
    .argument("<runs...>")
    .option("--same-version", "by the rule and the workflow as they were, and not as they are now", false)
    .option("--reason <text>", "why; it is written down")
    .option("--json", "one JSON object per run", false)
    .action((ids: string[], options: { json: boolean; sameVersion: boolean; reason?: string }) =>
      end(import("./change-runs.ts").then(({ replayRuns }) => replayRuns(context, ids, options))),
    );
  runs
    .command("release")
    .description("let runs go on that are held, because there were so many or because their rule has used up its day")
    .argument("<runs...>")
    .option("--reason <text>", "why; it is written down")
    .option("--json", "one JSON object per run", false)
    .action((ids: string[], options: { json: boolean; reason?: string }) =>
      end(import("./change-runs.ts").then(({ releaseRuns }) => releaseRuns(context, ids, options))),
    );

  runs
    .command("cancel")
    .description("stop runs wherever they are, and say what is known of what was under way")
    .argument("<runs...>")
    .option("--reason <text>", "why; it stands on the run")
    .option("--json", "one JSON object per run", false)
    .action((ids: string[], options: { json: boolean; reason?: string }) =>
      end(import("./change-runs.ts").then(({ cancelRuns }) => cancelRuns(context, ids, options))),
    );
  runs
    .command("look-again")
    .description("look once more for what became of a run that was laid aside")
    .argument("<run>")
    .option("--reason <text>", "why; it is written down")
    .option("--json", "as JSON", false)
    .action((run: string, options: { json: boolean; reason?: string }) =>
      end(import("./change-runs.ts").then(({ lookForRun }) => lookForRun(context, run, options))),
    );

  program
    .command("events")
    .description("what was heard from Fast.io")
    .command("show")
    .description("what became of a file: its events, their runs, and why each rule made none")
    .argument("<about>", "the name of the file, a node id, or the key of an event")
    .option("--json", "one JSON object per event", false)
    .option("--limit <count>", "how many", parseCount, 10)
    .action((about: string, options: { json: boolean; limit: number }) =>
      end(import("./events.ts").then(({ showEvents }) => showEvents(context, about, options))),
    );

  addFastioCommands(program, context, end);
  addShareCommands(program, context, end);

  runs
    .command("answer")
    .description("what a paused run asks a person; with --action, answer it")
    .argument("<run>")
    .option("--action <id>", "which of the form's buttons to press")
    .option("--input <name=value...>", "what to fill in", collectInput, {})
    .option("--json", "as JSON", false)
    .action((run: string, { action, input, json }: { action?: string; input: Record<string, string>; json: boolean }) =>
      end(import("./answer-run.ts").then(({ answerRun }) => answerRun(context, run, { action, inputs: input, json }))),
    );

  program
    .command("tools")
    .description("Fast.io as tools of agents")
    .command("openapi")
    .description("print the OpenAPI document that Dify imports as a custom tool; its address comes from PUBLIC_URL")
    .action(() => end(import("./tools-openapi.ts").then(({ printOpenApi }) => printOpenApi(context))));

  const emulators = program.command("emulate").description("run an upstream on this machine");
  for (const [which, words, port] of [
    ["fastio", "a Fast.io: workspaces, uploads, shares, signed webhooks", 8788],
    ["dify", "a Dify: file uploads, workflow runs, their streams and outputs", 8789],
  ] as const) {
    const command = emulators
      .command(which)
      .description(words)
      .option("--port <number>", "0 picks a free one", parsePort, port)
      .option("--time-scale <factor>", "let waiting times pass this many times faster", parseScale, 1)
      .option("--quiet", "no line per request", false)
      .option("--json", "tell the addresses and keys as JSON", false);
    if (which === "dify") {
      command.addOption(new Option("--profile <name>", "generation of Dify").choices(["P1", "P2", "P3"]).default("P2"));
    }
    command.action((options) => end(import("./emulate.ts").then(({ emulate }) => emulate(context, which, options))));
  }
  return program;
}

function parseQueues(text: string): readonly QueueName[] {
  return text.split(",").map((part) => {
    const name = ALL_QUEUES.find((known) => known === part.trim());
    if (!name) throw new InvalidArgumentError(`queues are ${ALL_QUEUES.join(", ")}.`);
    return name;
  });
}

function collectInput(text: string, known: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const split = text.indexOf("=");
  if (split < 1) throw new InvalidArgumentError("must look like name=value.");
  return { ...known, [text.slice(0, split)]: text.slice(split + 1) };
}

function parseScale(text: string): number {
  const factor = Number(text);
  if (!Number.isFinite(factor) || factor <= 0) throw new InvalidArgumentError("must be a number above 0.");
  return factor;
}
