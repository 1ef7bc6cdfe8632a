import { html } from "hono/html";
import { isEnough } from "../../handlers/access.ts";
import type { FoundRuns } from "../../handlers/read-runs.ts";
import type { RunList } from "../../handlers/run-schemas.ts";
import { timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { olderLink } from "./older-link.ts";
import { runSearchForm, understoodAs } from "./run-search-form.ts";
import { runsTable } from "./runs-table.ts";

/** The list of runs and what it can be narrowed by. */
export function runsPage(list: FoundRuns, reader: Reader): Markup {
  const { runs, asked, paging, problems, next, searchedToMs } = list;
  const hasNone = list.count?.atLeast === 0 && Object.keys(asked).length === 0;
  return layout(
    "Runs",
    html`<h1>Runs</h1>
${runSearchForm(asked)}
${problems.map(({ name, reason }) => html`<p class="note">Left out: <b>${name}</b> ${reason}.</p>`)}
${understoodAs(list)}
<div id="runs" data-live>
${hasNone ? "" : html`<p class="soft">${countOf(list)}${isEnough(reader.role, "operator") && runs.length > 0 ? html` <a href="/runs/bulk?${new URLSearchParams(asked)}">Do something to many of them…</a>` : ""}${madeNone(list)}</p>`}
${runs.length > 0 || hasNone ? runsTable(runs) : ""}
${searchedToMs === null ? "" : html`<p>Looked through all runs since ${timeOf(searchedToMs)}.</p>`}
${olderLink(searchedToMs === null ? "Older runs" : "Look further back", "/runs", next, { ...asked, ...paging })}
</div>`,
    reader,
  );
}

/** Where to look for a file that has no run: it may have made none, and the events say why. */
function madeNone({ count, asked, understood }: FoundRuns): Markup | string {
  const about = asked.q ?? asked.file;
  if (count?.atLeast !== 0 || about === undefined || understood === "person") return "";
  return html` <a href="/events?${new URLSearchParams({ about })}">See whether an event tells of it</a>, and why it made none.`;
}

/** How many runs there are, as far as they were counted: `1,000+ runs`. */
function countOf({ count, runs, next, searchedToMs }: RunList): string {
  if (count === null) return runs.length === 0 && searchedToMs === null && next === null ? "No older run." : "";
  const words = `${count.atLeast.toLocaleString("en")}${count.isExact ? "" : "+"} run${count.atLeast === 1 && count.isExact ? "" : "s"}`;
  return count.atLeast > 0 ? words : count.isExact ? "No such run." : "No such run so far.";
}
