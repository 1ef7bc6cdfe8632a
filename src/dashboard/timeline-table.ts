import { html } from "hono/html";
import type { Timeline, TimelineEntry, TimelineStep, Wait } from "../../handlers/timeline.ts";
import { timeOf } from "../text/figures.ts";
import type { Markup } from "./layout.ts";
import { longSpanOf } from "./long-span.ts";
import { longCell } from "./table-cell.ts";

/** The width of a bar in units of its own; each is drawn as wide as its cell. */
const BAR_WIDTH = 1_000;
/** What took no time worth drawing is seen all the same. */
const MIN_WIDTH = 4;

const STEPS: Readonly<Record<TimelineStep, string>> = {
  event: "event received and routed",
  files: "files awaited",
  ask: "questions",
  fetch: "file fetched",
  workflow: "workflow",
  collect: "outputs collected",
  folder: "folder made",
  place: "outputs placed",
  share: "share made",
  invite: "people invited",
  cancel: "cancelled",
};

const WAITS: Readonly<Record<Wait, string>> = {
  source: "until Fast.io told of it",
  routing: "until it was routed",
  settle: "until the file was left alone",
  gather: "for more files of the batch",
  queue: "in the queue",
  slot: "for a slot of its Dify app",
  hold: "held back",
  backoff: "before the next try",
  busy: "for an upstream that was busy",
  upstream: "for word of the upstream",
  person: "for a person",
  replay: "until it was begun again",
};

/** Where the time of a run went, a bar for each step. @param nodes what belongs below the workflow */
export function timelineTable({ entries, fromMs, toMs, waitMs, workMs }: Timeline, nodes: Markup | string): Markup {
  const total = html`${longSpanOf(toMs - fromMs)} in all: waited ${longSpanOf(waitMs)}, worked ${longSpanOf(workMs)}`;
  return html`<table class="stack timeline"><caption>From ${timeOf(fromMs)}, ${total}</caption>
<thead><tr><th scope="col">Step</th><th scope="col">When</th><th scope="col">Waited</th><th scope="col">Worked</th><th scope="col">Outcome</th></tr></thead>
<tbody>${entries.map(
    (entry) => html`<tr><th scope="row">${STEPS[entry.step]}</th>
<td data-label="When">${bar(entry, fromMs, toMs)}<span class="soft">${timeOf(entry.fromMs)}</span></td>
<td data-label="Waited">${waitWords(entry)}</td><td data-label="Worked">${entry.workMs === 0 && entry.tries === 0 ? "–" : longSpanOf(entry.workMs)}</td>
${longCell("Outcome", outcomeOf(entry))}</tr>${entry.step === "workflow" && nodes !== "" ? html`<tr class="inner"><td colspan="5">${nodes}</td></tr>` : ""}`,
  )}</tbody></table>${entries.some(({ step }) => step === "workflow") ? "" : nodes}`;
}

/**
 * Light for what it waited, full for what it worked, on the scale of the whole run. Work that was broken off to wait is
 * drawn as long as it was: what it waited for in between, drawn first, shows beside it.
 */
function bar(entry: TimelineEntry, fromMs: number, toMs: number): Markup {
  const scale = BAR_WIDTH / Math.max(1, toMs - fromMs);
  const piece = (kind: string, beganAtMs: number, ms: number) => {
    const width = Math.min(BAR_WIDTH, Math.max(MIN_WIDTH, ms * scale));
    const x = Math.min(BAR_WIDTH - width, (beganAtMs - fromMs) * scale);
    return html`<rect class="${kind}" x="${x.toFixed(1)}" y="0" width="${width.toFixed(1)}" height="10"/>`;
  };
  return html`<svg class="bar" viewBox="0 0 ${BAR_WIDTH} 10" preserveAspectRatio="none" aria-hidden="true">${entry.waits.map((one) => piece("wait", one.fromMs, one.toMs - one.fromMs))}${entry.works.map((one) => piece("work", one.fromMs, one.ms))}</svg>`;
}

/** Each reason once, the longest first. */
function waitWords({ waits }: TimelineEntry): Markup | string {
  const sums = new Map<Wait, number>();
  for (const { for: reason, ms } of waits) sums.set(reason, (sums.get(reason) ?? 0) + ms);
  if (sums.size === 0) return "–";
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, ms]) => `${longSpanOf(ms)} ${WAITS[reason]}`)
    .join(", ");
}

function outcomeOf({ state, tries, failedTries, error, nextAction }: TimelineEntry): Markup {
  const count = tries > 1 ? `, ${tries} tries${failedTries > 0 ? `, ${failedTries} failed` : ""}` : "";
  const words = { done: "done", later: "not done yet", failed: "failed", waiting: "waits", working: "at work" }[state];
  const why =
    error === null ? "" : html`<br>${state === "done" ? html`<span class="soft">once: ${error}</span>` : error}`;
  return html`<span class="status ${state}">${words}</span>${count}${why}${nextAction === null ? "" : html`<br><b>Next:</b> ${nextAction}`}`;
}
