import { summarise } from "../../handlers/read-runs.ts";
import type { RunRow } from "../ledger/schema.ts";
import { spanOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import type { CliContext } from "./context.ts";
import { formatTable, SHARE_OR_NOTE, type TableRoom } from "./print-table.ts";
import { isFinished, resultOf } from "./run-line.ts";

/** Tells how the files get on, in the way the output can show it. */
export type DemoScreen = {
  /** A word on the set-up. */
  say(line: string): void;
  dropped(file: string): void;
  /** The runs that changed, and all of them. */
  update(changed: readonly RunRow[], all: readonly RunRow[]): void;
  /** The end of the work. */
  finish(all: readonly RunRow[]): void;
};

const MARK: Readonly<Record<string, string>> = { delivered: "✔", failed: "✖", cancelled: "✖", held: "‖", paused: "‖" };

/** @param options `isLogged`: lines of a log come in between, so that nothing can be redrawn */
export function createDemoScreen(
  context: CliContext,
  options: { readonly json: boolean; readonly isLogged: boolean },
): DemoScreen {
  if (options.json) return jsonScreen(context);
  return context.isTerminal && !options.isLogged ? liveScreen(context) : plainScreen(context);
}

function jsonScreen({ print, warn }: CliContext): DemoScreen {
  return {
    say: (line) => warn(line),
    dropped: () => {},
    update: (changed) => {
      for (const run of changed) if (isFinished(run)) print(JSON.stringify(resultOf(summarise(run))));
    },
    finish: () => {},
  };
}

function plainScreen(context: CliContext): DemoScreen {
  const { print } = context;
  return {
    say: print,
    dropped: (file) => print(`dropped     ${plain(file)}`),
    update: (changed) => {
      for (const run of changed) print(`${run.status.padEnd(11)} ${plain(run.fileName)}${detailOf(run)}`);
    },
    finish: (all) => print(`\n${resultTable(context, all)}\n`),
  };
}

/** Redraws one line per file in place. */
function liveScreen(context: CliContext): DemoScreen {
  const { print, write, columns } = context;
  let drawn = 0;
  return {
    say: print,
    dropped: () => {},
    update: (_changed, all) => {
      const lines = all.map((run) =>
        clip(`${MARK[run.status] ?? "…"} ${run.status.padEnd(11)} ${plain(run.fileName)}${detailOf(run)}`, columns),
      );
      write(`${drawn > 0 ? `\u001B[${drawn}A` : ""}${lines.map((line) => `\u001B[2K${line}\n`).join("")}`);
      drawn = lines.length;
    },
    finish: (all) => print(`\n${resultTable(context, all)}\n`),
  };
}

function detailOf(run: RunRow): string {
  if (run.status === "delivered") return `  in ${spanOf((run.finishedAtMs ?? run.createdAtMs) - run.createdAtMs)}`;
  if (run.errorMessage) return `  ${plain(run.errorMessage)}`;
  return run.progress ? `  ${plain(run.progress)}` : "";
}

function resultTable(context: TableRoom, all: readonly RunRow[]): string {
  return formatTable(
    context,
    ["FILE", "STATUS", "TIME", SHARE_OR_NOTE],
    all.map((run) => [
      plain(run.fileName),
      run.status,
      run.finishedAtMs === null ? "–" : spanOf(run.finishedAtMs - run.createdAtMs),
      plain(run.shareUrl ?? run.errorMessage ?? "–"),
    ]),
  );
}

const clip = (line: string, columns: number): string => {
  const chars = [...line];
  return chars.length <= columns - 1 ? line : `${chars.slice(0, columns - 2).join("")}…`;
};
