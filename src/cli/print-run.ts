import type { RunStory } from "../../handlers/run-schemas.ts";
import { toldWords } from "../dashboard/answers-list.ts";
import { linkWords } from "../dashboard/link-panel.ts";
import { timesOf, workOf } from "../dashboard/nodes-table.ts";
import { sizeOf, spanOf, timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { plain } from "../text/unseen.ts";
import type { CliContext } from "./context.ts";
import { printAccesses } from "./print-accesses.ts";
import { formatTable, type TableRoom } from "./print-table.ts";

type Printer = Pick<CliContext, "print"> & TableRoom;

/** One run with all that is known of it: facts line by line, lists as tables, nothing for a list that is empty. */
export function printRun(context: Printer, story: RunStory): void {
  const { id, shadow, kept, accesses, attempts } = story;
  printFacts(context, story);
  printTable(
    context,
    ["FILE OF THE BATCH", "SIZE", "LEFT OUT"],
    story.files.map((file) => [plain(file.name), sizeOf(file.size), plain(file.leftOut ?? "")]),
  );
  printTable(
    context,
    ["QUESTION", "STATE", "ANSWER"],
    story.answers.map(({ name, state, answer, note }) => [name, state, plain(answer ?? note ?? "")]),
  );
  printTable(
    context,
    ["NODE", "STATUS", "WORK", "TIMES", "ERROR"],
    story.nodes.map((node) => [
      plain(node.title),
      node.status,
      workOf(node, story.readAtMs),
      timesOf(node),
      plain(node.error ?? ""),
    ]),
  );
  // A run in no chain is a family of its own.
  const family = story.family.length > 1 ? story.family : [];
  printTable(
    context,
    ["CHAIN", "RULE", "FILE", "STATUS"],
    family.map((one) => [
      `${"  ".repeat(one.depth)}${one.id === id ? "this run" : one.id}`,
      one.rule,
      plain(filesWords(one)),
      one.status,
    ]),
  );
  printTable(
    context,
    ["OUTPUT", "BYTES", "PLACED"],
    story.outputs.map((o) => [plain(o.name), String(o.size), shadow ? "shadow" : o.placed ? "yes" : "no"]),
  );
  printTexts(context, story);
  if (kept.length > 0) {
    context.print("");
    context.print(plain(`From an earlier delivery, and left as they were: ${kept.join(", ")}`));
  }
  if (accesses.count > 0) {
    context.print("");
    printAccesses(context, accesses);
  }
  printTable(
    context,
    ["STEP", "BEGAN", "WORK", "OUTCOME"],
    attempts.map((a) => [
      a.step,
      timeOf(a.startedAtMs),
      spanOf(a.workMs),
      a.error ? `${a.outcome}: ${plain(a.error)}` : a.outcome,
    ]),
  );
}

function printFacts(context: Printer, story: RunStory): void {
  const { id, shadow, link, handoff, told, file: _file, moreFiles: _more, readAtMs: _now, ...facts } = story;
  const print = (name: string, words: string) => context.print(`${name.padEnd(NAME_CHARS)}  ${plain(words)}`);
  if (shadow) print("shadow", "delivered nowhere");
  print("id", id);
  print("file", filesWords(story));
  for (const [name, value] of Object.entries(facts)) {
    // Lists come after the facts, each as a table.
    if (value !== null && typeof value !== "object") print(labelOf(name), wordsFor(name, value));
  }
  if (link !== null) print("link", linkWords(link));
  if (handoff !== null) {
    const until = handoff.expiresAtMs;
    print("handoff", until === null ? `ready: relay transfer claim-link ${id}` : `offered until ${timeOf(until)}`);
  }
  if (told.length > 0) print("told", toldWords(told));
}

/** What text outputs of a shadow run say. */
function printTexts(context: Printer, { outputs }: RunStory): void {
  for (const { name, text } of outputs) {
    if (text === null) continue;
    context.print("");
    context.print(`${plain(name)}:`);
    for (const line of text.split("\n")) context.print(`  ${plain(line)}`);
  }
}

function printTable(context: Printer, header: readonly string[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return;
  context.print("");
  context.print(formatTable(context, header, rows));
}

/** Longest of these names. */
const NAME_CHARS = 16;

/** `createdAtMs` is read as `created at`. */
const labelOf = (name: string): string =>
  name.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function wordsFor(name: string, value: unknown): string {
  if (name === "elapsedMs") return spanOf(Number(value));
  return name.endsWith("Ms") ? timeOf(Number(value)) : String(value);
}
