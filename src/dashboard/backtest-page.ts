import { html } from "hono/html";
import type { BacktestReport } from "../../handlers/backtest-rules.ts";
import { timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";

/** Files that the page names of each kind. */
const SHOWN = 50;

/** What a rule would have made of the past. Nothing was started. */
export function backtestPage(
  name: string,
  { sinceMs, events, read, gone, endedAtMs, rules }: BacktestReport,
  reader: Reader,
): Markup {
  return layout(
    `Backtest of ${name}`,
    html`<h1>What ${name} would have made of the last 30 days</h1>
<p>${events} events since ${timeOf(sinceMs)}; ${read} files looked at in Fast.io, ${gone} events of files that are gone. Nothing was started.</p>
${endedAtMs === null ? "" : html`<p class="note">Time was up: events since ${timeOf(endedAtMs)} were not looked at. <code>relay rules backtest --rule ${name}</code> looks at all of them.</p>`}
${rules.map(
  ({ ran, wouldBeNew, undecided, notTaken, tokensPerRun, estimatedTokens }) =>
    html`<ul class="tiles"><li><b>${ran.length}</b>ran</li><li><b>${wouldBeNew.length}</b>would be new</li><li><b>${undecided}</b>undecided</li><li><b>${estimatedTokens ?? "unknown"}</b>tokens for the new ones</li></ul>
${tokensPerRun === null ? "" : html`<p class="soft">About ${tokensPerRun} tokens a run.</p>`}
${firings("Would be new", wouldBeNew)}${firings("Ran", ran)}
${Object.keys(notTaken).length === 0 ? "" : html`<h2>Not taken</h2><ul>${Object.entries(notTaken).map(([reason, count]) => html`<li>${count} × ${reason}</li>`)}</ul>`}`,
)}
<p><a href="/rules">Back to the rules</a></p>`,
    reader,
  );
}

const firings = (title: string, all: BacktestReport["rules"][number]["ran"]): Markup | string =>
  all.length === 0
    ? ""
    : html`<h2>${title}</h2><ul>${all.slice(0, SHOWN).map(({ file, folder, run, event }) => html`<li><a href="${run === null ? `/events/${event}` : `/runs/${run}`}">${folder === "/" ? "" : folder}/${file}</a></li>`)}</ul>${all.length > SHOWN ? html`<p class="soft">and ${all.length - SHOWN} more</p>` : ""}`;
