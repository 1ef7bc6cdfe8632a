import { type Command, InvalidArgumentError, Option } from "commander";
import { QUEUE_NAMES, type QueueName } from "../queue-names.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { parsePort } from "./parse-options.ts";

/** What runs until it is stopped: the relay, whole or in parts, and the emulated upstreams. */
export function addServiceCommands(
  program: Command,
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): void {
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
    .action(() => end(import("./start.ts").then(({ start }) => start(context, { receive: true, work: QUEUE_NAMES }))));
  program
    .command("receive")
    .description("the receiver and the pages alone")
    .action(() => end(import("./start.ts").then(({ start }) => start(context, { receive: true, work: [] }))));
  program
    .command("work")
    .description("workers alone")
    .addOption(
      new Option("--queues <names>", "which queues, separated by commas")
        .default(QUEUE_NAMES, "all")
        .argParser(parseQueues),
    )
    .action(({ queues }: { queues: readonly QueueName[] }) =>
      end(import("./start.ts").then(({ start }) => start(context, { receive: false, work: queues }))),
    );

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
}

function parseQueues(text: string): readonly QueueName[] {
  return text.split(",").map((part) => {
    const name = QUEUE_NAMES.find((known) => known === part.trim());
    if (!name) throw new InvalidArgumentError(`queues are ${QUEUE_NAMES.join(", ")}.`);
    return name;
  });
}

function parseScale(text: string): number {
  const factor = Number(text);
  if (!Number.isFinite(factor) || factor <= 0) throw new InvalidArgumentError("must be a number above 0.");
  return factor;
}
