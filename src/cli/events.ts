import { createReadEvents, type EventStory } from "../../handlers/read-events.ts";
import { parseConfig } from "../config.ts";
import { timeOf } from "../dashboard/layout.ts";
import { openLedger } from "../ledger/open-ledger.ts";
import { silentLog } from "../telemetry/log.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { formatTable, plain } from "./print-table.ts";

/** What became of a file: its events, the runs they made, and why rules made none. */
export async function showEvents(
  context: CliContext,
  about: string,
  options: { readonly json: boolean; readonly limit: number },
): Promise<ExitCode> {
  const ledger = await openLedger(parseConfig(context.environment).ledger.url, silentLog);
  try {
    const read = createReadEvents(ledger.db);
    const { events, about: asked } = await read.list({ about, limit: String(options.limit) });
    // What no file can be called is left out of the question, and then it is about everything.
    if (asked === undefined || events.length === 0) {
      context.warn(`no event tells of ${plain(about)}`);
      return 1;
    }
    for (const { key } of events) {
      const story = await read.story(key);
      if (!story) continue;
      context.print(options.json ? JSON.stringify(story) : tell(story));
    }
    return 0;
  } finally {
    await ledger.close();
  }
}

function tell(story: EventStory): string {
  const name = story.file === null ? (story.nodeId ?? "") : `${story.folder === "/" ? "" : story.folder}/${story.file}`;
  const head = `${story.key}  ${plain(name)}\n  ${story.type} by ${story.source}, ${timeOf(story.receivedAtMs)}: ${story.status}`;
  const reasons = story.reasons.map(({ rule, reason }) => `  ${rule === "*" ? "" : `${rule}: `}${plain(reason)}`);
  const runs = story.runs.map((run) => [run.id, run.rule, run.status, run.share ?? plain(run.error ?? "")]);
  const table = runs.length === 0 ? [] : [formatTable(["RUN", "RULE", "STATUS", "SHARE"], runs)];
  return [head, ...reasons, ...table, ""].join("\n");
}
