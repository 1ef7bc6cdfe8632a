import { createReadRuns } from "../../handlers/read-runs.ts";
import { parseConfig } from "../config.ts";
import { timeOf } from "../dashboard/layout.ts";
import { listRuns as findRuns } from "../ledger/list-runs.ts";
import { openLedger } from "../ledger/open-ledger.ts";
import { silentLog } from "../telemetry/log.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { printRun } from "./print-run.ts";
import { formatTable, plain } from "./print-table.ts";
import { runResult } from "./run-line.ts";

/** Newest runs first, read from the ledger. */
export async function listRuns(
  context: CliContext,
  options: { readonly json: boolean; readonly limit: number },
): Promise<ExitCode> {
  const ledger = await openLedger(parseConfig(context.environment).ledger.url, silentLog);
  try {
    const runs = await findRuns(ledger.db, {}, options.limit);
    if (options.json) for (const run of runs) context.print(JSON.stringify(runResult(run)));
    else if (runs.length === 0) context.print("No runs yet.");
    else {
      context.print(
        formatTable(
          ["RUN", "FILE", "RULE", "STATUS", "CAME", "SHARE"],
          runs.map((run) => [
            run.id,
            plain(run.fileName),
            run.ruleName,
            run.status,
            timeOf(run.createdAtMs),
            run.rule.shadow ? "shadow: nowhere" : (run.shareUrl ?? plain(run.errorMessage ?? "")),
          ]),
        ),
      );
    }
    return 0;
  } finally {
    await ledger.close();
  }
}

/** Everything the ledger knows of one run. */
export async function showRun(context: CliContext, id: string, options: { readonly json: boolean }): Promise<ExitCode> {
  const ledger = await openLedger(parseConfig(context.environment).ledger.url, silentLog);
  try {
    const story = await createReadRuns(ledger.db).story(id);
    if (!story) {
      context.warn(`there is no run ${plain(id)}`);
      return 1;
    }
    if (options.json) {
      context.print(JSON.stringify(story));
      return 0;
    }
    printRun(context, story);
    return 0;
  } finally {
    await ledger.close();
  }
}
