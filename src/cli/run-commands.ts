import type { Command } from "commander";
import type { CliContext, ExitCode } from "./context.ts";
import { collectValue, parseCount, parseLines, statusOption } from "./parse-options.ts";
import { addRunDeeds } from "./run-deeds.ts";
import type { ListRunsOptions } from "./runs.ts";
import type { TailOptions } from "./tail-runs.ts";

/** What became of the files, and what can be done about it. */
export function addRunCommands(
  program: Command,
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): void {
  const runs = program.command("runs").description("what became of the files");
  runs
    .command("list")
    .description("all runs, or those that are looked for, newest first")
    .argument("[what]", "part of a file name, or an id, a link or an e-mail address that has to do with the run")
    .option("--file <part>", "part of a file name, also where it looks like an id")
    .addOption(statusOption("only those that stand so"))
    .option("--rule <name>", "only those of this rule")
    .option("--workspace <workspace>", "id or name")
    .option("--app <app>", "the Dify app, as the overview names it")
    .option("--person <who>", "e-mail address or user id: who brought the file, or was invited")
    .option("--error <code>", "such as dify_run_failed")
    .option("--step <step>", "the step that failed")
    .option("--since <time>", "such as 24h, 7d, 2026-11-22 or 2026-11-22T06:00 (UTC)")
    .option("--until <time>", "the same")
    .option("--json", "one JSON object per run", false)
    .option("--limit <count>", "how many", parseCount, 50)
    .action((what: string | undefined, options: ListRunsOptions) =>
      end(import("./runs.ts").then(({ listRuns }) => listRuns(context, what, options))),
    );
  runs
    .command("tail")
    .description("follow the runs live: one line per change, until Ctrl-C")
    .option("--rule <name>", "only those of this rule")
    .addOption(statusOption("only changes to these"))
    .option("--lines <count>", "how many from before are shown first", parseLines, 10)
    .option("--json", "one JSON object per change", false)
    .action((options: TailOptions) => end(import("./tail-runs.ts").then(({ tailRuns }) => tailRuns(context, options))));
  runs
    .command("show")
    .description("one run with its outputs and attempts")
    .argument("<run>")
    .option("--json", "as JSON", false)
    .action((run: string, options: { json: boolean }) =>
      end(import("./runs.ts").then(({ showRun }) => showRun(context, run, options))),
    );

  addRunDeeds(runs, context, end);
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

  runs
    .command("answer")
    .description("what a paused run asks a person; with --action, answer it")
    .argument("<run>")
    .option("--action <id>", "which of the form's buttons to press")
    .option("--input <name=value...>", "what to fill in", collectValue, {})
    .option("--reason <text>", "why; it is written down")
    .option("--json", "as JSON", false)
    .action((run: string, { action, input: inputs, reason, json }: AnswerOptions) =>
      end(import("./answer-run.ts").then(({ answerRun }) => answerRun(context, run, { action, inputs, reason, json }))),
    );
}

type AnswerOptions = {
  readonly action?: string;
  readonly input: Readonly<Record<string, string>>;
  readonly reason?: string;
  readonly json: boolean;
};
