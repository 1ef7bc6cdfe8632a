import { html } from "hono/html";
import type { RunSummary } from "../../handlers/run-schemas.ts";
import { spanOf, timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import type { Markup } from "./layout.ts";
import { runNote } from "./run-note.ts";
import { cell, headOf, wholeCell } from "./table-cell.ts";

/** Runs as a table, newest first. */
export function runsTable(runs: readonly RunSummary[]): Markup {
  if (runs.length === 0) return html`<p class="soft">No runs yet. Drop a file into a folder that a rule watches.</p>`;
  return html`<div class="scroll"><table class="stack">
${headOf(["File", "Rule", "Status", "Since", "Took", "Result"])}
<tbody>${runs.map(
    (run) => html`<tr>
<td class="long"><a href="/runs/${run.id}">${filesWords(run)}</a><br><span class="soft">${run.folder}</span></td>
<td class="name" data-label="Rule">${run.rule}</td>
${cell("Status", html`<span class="status ${run.status}">${run.status}</span>${noteOf(run)}`)}
${wholeCell("Since", timeOf(run.createdAtMs))}
${wholeCell("Took", run.finishedAtMs === null ? "–" : spanOf(run.finishedAtMs - run.createdAtMs))}
${wholeCell("Result", shareLink(run))}
</tr>`,
  )}</tbody></table></div>`;
}

function noteOf(run: RunSummary): Markup | string {
  const words = runNote(run);
  return words === "" ? "" : html`<br><span class="soft">${words}</span>`;
}

/** What people call the place a link leads to. */
const PLACES: Readonly<Record<RunSummary["deliveredAs"], string>> = {
  share: "share",
  "drop-off": "drop-off",
  workspace: "folder",
  "file-share": "file",
};

/** A link to what was delivered; only web addresses become links. */
export function shareLink({
  share: url,
  deliveredAs,
  shadow,
}: Pick<RunSummary, "share" | "deliveredAs" | "shadow">): Markup | string {
  if (shadow) return "shadow: delivered nowhere";
  if (url === null) return "–";
  return /^https?:\/\//.test(url) ? html`<a href="${url}" rel="noreferrer">open ${PLACES[deliveredAs]}</a>` : url;
}
