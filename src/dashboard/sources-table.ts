import { html } from "hono/html";
import type { SourceReport } from "../../handlers/read-sources.ts";
import { wayOf } from "../ledger/signature-pins.ts";
import { spanOf, timeOf } from "../text/figures.ts";
import type { Markup } from "./layout.ts";
import { cell, headOf, numberCell } from "./table-cell.ts";

/** How events came from each workspace, and what keeps catch-up from reading one. */
export const sourcesTable = ({ hours, workspaces, signatures }: SourceReport, nowMs: number): Markup =>
  html`${workspaceTable(hours, workspaces, nowMs)}
${signatures.map(
  (one) =>
    html`<p class="${one.changedAtMs === null ? "soft" : "note"}">Deliveries under the secret ${one.secretPrint}… are signed as ${wayOf(one.scheme, one.keyForm)}${
      one.changedAtMs === null
        ? ""
        : html` since ${timeOf(one.changedAtMs)}, before that as ${wayOf(one.previousScheme, one.previousKeyForm)}`
    }.</p>`,
)}`;

function workspaceTable(hours: number, workspaces: SourceReport["workspaces"], nowMs: number): Markup {
  if (workspaces.length === 0)
    return html`<p class="soft">No events in the last ${hours} h, and no workspace was read yet. Where that stays so, <code>relay doctor</code> says why.</p>`;
  return html`<div class="scroll"><table class="stack">
${headOf(["Workspace", "By webhook#", "Found by catch-up#", "Recovered#", "Last webhook", "Last read"])}
<tbody>${workspaces.map(
    (one) => html`<tr>
<th scope="row" class="long" data-label="Workspace">${one.workspaceName ?? one.workspaceId}</th>
${numberCell("By webhook", one.received)}${numberCell("Found by catch-up", one.found)}${numberCell("Recovered", one.recovered)}
${cell("Last webhook", signOfLife(one.lastReceivedAtMs, nowMs))}
${cell("Last read", html`${signOfLife(one.pulledAtMs, nowMs)}${one.source === null ? "" : html` <span class="soft">from ${one.source}</span>`}`)}
</tr>${
      one.error === null
        ? ""
        : html`<tr><td colspan="6"><p class="note">Cannot be read since ${timeOf(one.failingSinceMs)}: ${one.error}${one.nextAction === null ? "" : html`<br>${one.nextAction}`}</p></td></tr>`
    }${
      one.checkError === null
        ? ""
        : html`<tr><td colspan="6"><p class="note">What the feed leaves out cannot be searched for since ${timeOf(one.checkFailingSinceMs)}: ${one.checkError}${one.checkNextAction === null ? "" : html`<br>${one.checkNextAction}`}</p></td></tr>`
    }`,
  )}</tbody>
</table></div>
<p class="soft">In the last ${hours} h. Recovered: found by catch-up, and no webhook told of it.</p>`;
}

const signOfLife = (atMs: number | null, nowMs: number): Markup | string =>
  atMs === null ? "–" : html`${timeOf(atMs)} <span class="soft">${spanOf(Math.max(0, nowMs - atMs))} ago</span>`;
