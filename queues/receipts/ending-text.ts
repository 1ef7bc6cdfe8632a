import { COMMENT_CHARS } from "../../src/fastio/comment-chars.ts";
import type { AnswerRow, OutputRow, RunRow } from "../../src/ledger/schema.ts";
import { cutTo } from "../../src/rules/cut-to.ts";
import { filesWords, moreFilesOf } from "../../src/text/files-words.ts";

const NOTICE_CHARS = 1_500;
const MAX_NAMES = 50;
const MAX_ANSWER_CHARS = 2_000;

export type Ending = {
  readonly run: RunRow;
  readonly outputs: readonly OutputRow[];
  readonly answers: readonly AnswerRow[];
};

/** By this a receipt is found again. */
export const receiptMark = (runId: string): string => `Run ${runId}`;

/** A comment on the source: what ran, how long, tokens, link; or the error in plain words. */
export function commentText({ run }: Ending): string {
  const mark = receiptMark(run.id);
  const body = [headline(run), result(run), ...(run.warning === null ? [] : [`Note: ${run.warning}`])]
    .filter((line) => line !== "")
    .join("\n");
  // The opening of a mention would send mail to somebody whom a file's name or an error speaks of.
  const text = plain(body).replaceAll("@[", "@ [");
  return `${cutTo(text, COMMENT_CHARS - mark.length - 1)}\n${mark}`;
}

/** A message to a webhook. */
export function noticeText(run: RunRow): string {
  return cutTo(
    plain([`${nameOf(run)}: ${headline(run)}`, result(run)].filter((line) => line !== "").join("\n")),
    NOTICE_CHARS,
  );
}

/** A note beside the source, in Markdown. */
export function noteText({ run, outputs, answers }: Ending): string {
  const names = outputs.slice(0, MAX_NAMES).map(({ name }) => name);
  const more = outputs.length - names.length;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Rule", run.ruleName],
    [
      "Ended",
      run.finishedAtMs === null
        ? undefined
        : `${new Date(run.finishedAtMs).toISOString().slice(0, 16).replace("T", " ")} UTC`,
    ],
    ["Took", tookOf(run)],
    ["Tokens", run.totalTokens === null ? undefined : String(run.totalTokens)],
    ["Workflow run", run.workflowRunId ?? undefined],
    ["Outputs", run.status === "delivered" ? `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}` : undefined],
    ["Note", run.warning ?? undefined],
    ["Next", run.status === "delivered" ? undefined : (run.nextAction ?? undefined)],
  ];
  const told = answers.filter(({ state }) => state === "answered");
  return [
    `# ${markdownSafe(nameOf(run))}: ${run.status}`,
    "",
    ...(run.status === "delivered" ? [linkOf(run) ?? ""] : [markdownSafe(plain(run.errorMessage ?? "")), ""]),
    "",
    ...facts.flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [`- ${name}: ${markdownSafe(plain(value))}`],
    ),
    ...told.flatMap(({ question, text }) => [
      "",
      `**${markdownSafe(plain(question ?? ""))}**`,
      "",
      markdownSafe(plain(cutTo(text ?? "", MAX_ANSWER_CHARS))),
    ]),
    "",
    receiptMark(run.id),
    "",
  ].join("\n");
}

/** What a run is about, in few words. */
const nameOf = (run: RunRow): string => filesWords({ file: run.fileName, moreFiles: moreFilesOf(run) });

function headline(run: RunRow): string {
  const tokens = run.totalTokens === null ? "" : `, ${run.totalTokens} tokens`;
  const what = { delivered: "done", failed: "failed", cancelled: "cancelled" }[String(run.status)] ?? run.status;
  return `${run.ruleName}: ${what} in ${tookOf(run)}${tokens}`;
}

const result = (run: RunRow): string =>
  run.status === "delivered"
    ? (linkOf(run) ?? "")
    : [run.errorMessage, run.nextAction].filter((text) => text !== null && text !== "").join("\n");

/** Where the result is; a closed link is none. */
const linkOf = (run: RunRow): string | undefined =>
  run.shareUrl !== null && run.shareClosedAtMs === null ? run.shareUrl : undefined;

function tookOf({ createdAtMs, finishedAtMs }: RunRow): string {
  const seconds = Math.max(0, Math.round(((finishedAtMs ?? createdAtMs) - createdAtMs) / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Control characters other than line ends become spaces. */
const plain = (text: string): string => text.replace(/[^\P{Cc}\n]/gu, " ");

/** Signs that Markdown would read as links, pictures or markup of a stranger's making. */
const markdownSafe = (text: string): string => text.replace(/[\\`*_{}[\]<>#|~!]/g, "\\$&");
