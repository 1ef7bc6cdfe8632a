import { createReadRuns } from "../../handlers/read-runs.ts";
import { parseConfig } from "../config.ts";
import { toldWords } from "../dashboard/answers-list.ts";
import { spanOf, timeOf } from "../dashboard/layout.ts";
import { linkWords } from "../dashboard/link-panel.ts";
import { timesOf, workOf } from "../dashboard/nodes-table.ts";
import { openLedger } from "../ledger/open-ledger.ts";
import { listRuns as findRuns } from "../ledger/run-queries.ts";
import { silentLog } from "../telemetry/log.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { printAccesses } from "./print-accesses.ts";
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

/** One run with its outputs and attempts. */
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
    const {
      readAtMs,
      nodes,
      outputs,
      attempts,
      kept,
      family,
      shadow,
      answers,
      told,
      link,
      accesses,
      handoff,
      budget: _today,
      ...facts
    } = story;
    if (shadow) context.print("shadow         delivered nowhere");
    for (const [name, value] of Object.entries(facts)) {
      if (value !== null && typeof value !== "object")
        context.print(`${name.padEnd(14)} ${plain(wordsFor(name, value))}`);
    }
    if (link !== null) context.print(`${"link".padEnd(14)} ${plain(linkWords(link))}`);
    if (handoff !== null) {
      const until = handoff.expiresAtMs;
      const words = until === null ? `ready: relay transfer claim-link ${id}` : `offered until ${timeOf(until)}`;
      context.print(`${"handoff".padEnd(14)} ${words}`);
    }
    if (told.length > 0) context.print(`told           ${plain(toldWords(told))}`);
    if (answers.length > 0) {
      context.print("");
      context.print(
        formatTable(
          ["QUESTION", "STATE", "ANSWER"],
          answers.map(({ name, state, answer, note }) => [name, state, plain(answer ?? note ?? "")]),
        ),
      );
    }
    if (nodes.length > 0) {
      context.print("");
      context.print(
        formatTable(
          ["NODE", "STATUS", "WORK", "TIMES", "ERROR"],
          nodes.map((node) => [
            plain(node.title),
            node.status,
            workOf(node, readAtMs),
            timesOf(node),
            plain(node.error ?? ""),
          ]),
        ),
      );
    }
    if (family.length > 1) {
      context.print("");
      context.print(
        formatTable(
          ["CHAIN", "RULE", "FILE", "STATUS"],
          family.map((one) => [
            `${"  ".repeat(one.depth)}${one.id === id ? "this run" : one.id}`,
            one.rule,
            plain(one.file),
            one.status,
          ]),
        ),
      );
    }
    if (outputs.length > 0) {
      context.print("");
      context.print(
        formatTable(
          ["OUTPUT", "BYTES", "PLACED"],
          outputs.map((o) => [plain(o.name), String(o.size), shadow ? "shadow" : o.placed ? "yes" : "no"]),
        ),
      );
      for (const { name, text } of outputs) {
        if (text === null) continue;
        context.print("");
        context.print(`${plain(name)}:`);
        for (const line of text.split("\n")) context.print(`  ${plain(line)}`);
      }
    }
    if (kept.length > 0) {
      context.print("");
      context.print(plain(`From an earlier delivery, and left as they were: ${kept.join(", ")}`));
    }
    if (accesses.count > 0) {
      context.print("");
      printAccesses(context, accesses);
    }
    if (attempts.length > 0) {
      context.print("");
      context.print(
        formatTable(
          ["STEP", "BEGAN", "WORK", "OUTCOME"],
          attempts.map((a) => [
            a.step,
            timeOf(a.startedAtMs),
            spanOf(a.workMs),
            a.error ? `${a.outcome}: ${plain(a.error)}` : a.outcome,
          ]),
        ),
      );
    }
    return 0;
  } finally {
    await ledger.close();
  }
}

function wordsFor(name: string, value: unknown): string {
  if (name === "elapsedMs") return spanOf(Number(value));
  return name.endsWith("Ms") ? timeOf(Number(value)) : String(value);
}
