import type { Command } from "commander";
import { PermanentError } from "../errors.ts";
import type { BulkOptions } from "./bulk.ts";
import { type ManyOptions, manyOf, withManyRuns } from "./bulk-commands.ts";
import type { CliContext, ExitCode } from "./context.ts";

type End = (result: ExitCode | Promise<ExitCode>) => Promise<void>;

/** What can be done to a run, or by a filter to many of them. */
export function addRunDeeds(runs: Command, context: CliContext, end: End): void {
  const deed = (name: string, words: string): Command =>
    withManyRuns(
      runs
        .command(name)
        .description(words)
        .argument("[runs...]")
        .option("--reason <text>", "why; it is written down")
        .option("--json", "one JSON object per run", false),
    );
  const toMany = (many: BulkOptions) => import("./bulk.ts").then(({ bulkRuns }) => bulkRuns(context, many));

  deed("replay", "let runs that have ended, or were laid aside, begin again: by their ids, or by a filter")
    .option("--same-version", "by the rule and the workflow as they were, and not as they are now", false)
    .action((ids: string[], options: ManyOptions & { sameVersion: boolean }) => {
      const many = manyOf("replay", options, options.sameVersion ? "same" : "newest");
      return end(
        chosen(ids, many, toMany, () =>
          import("./change-runs.ts").then(({ replayRuns }) => replayRuns(context, ids, options)),
        ),
      );
    });
  deed(
    "release",
    "let runs go on that are held, because there were so many or because their rule has used up its day",
  ).action((ids: string[], options: ManyOptions) =>
    end(
      chosen(ids, manyOf("release", options), toMany, () =>
        import("./change-runs.ts").then(({ releaseRuns }) => releaseRuns(context, ids, options)),
      ),
    ),
  );
  deed("cancel", "stop runs wherever they are, and say what is known of what was under way").action(
    (ids: string[], options: ManyOptions) =>
      end(
        chosen(ids, manyOf("cancel", options), toMany, () =>
          import("./change-runs.ts").then(({ cancelRuns }) => cancelRuns(context, ids, options)),
        ),
      ),
  );
}

/** @throws {PermanentError} `usage_invalid` when neither runs nor a filter are named, or both */
async function chosen(
  ids: readonly string[],
  many: BulkOptions | undefined,
  toMany: (many: BulkOptions) => Promise<ExitCode>,
  toEach: () => Promise<ExitCode>,
): Promise<ExitCode> {
  if (many !== undefined && ids.length > 0)
    throw new PermanentError("usage_invalid", "name runs, or a filter for many of them, and not both");
  if (many) return toMany(many);
  if (ids.length > 0) return toEach();
  throw new PermanentError(
    "usage_invalid",
    "name the runs, or choose many with --rule, --status, --since and the like",
  );
}
