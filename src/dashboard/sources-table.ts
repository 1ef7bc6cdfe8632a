import { html } from "hono/html";
import type { SourceReport } from "../../handlers/read-sources.ts";
import { type Markup, timeOf } from "./layout.ts";

/** How events came from each workspace, and what keeps catch-up from reading one. */
export const sourcesTable = ({ hours, workspaces, signatures }: SourceReport): Markup =>
  html`${workspaceTable(hours, workspaces)}
${signatures.map(
  (one) =>
    html`<p class="${one.changedAtMs === null ? "soft" : "note"}">Deliveries under the secret ${one.secretPrint}… are signed as ${wayOf(one.scheme, one.keyForm)}${
      one.changedAtMs === null
        ? ""
        : html` since ${timeOf(one.changedAtMs)}, before that as ${wayOf(one.previousScheme, one.previousKeyForm)}`
    }.</p>`,
)}`;

const wayOf = (scheme: string | null, keyForm: string | null): string =>
  `${scheme ?? "unknown"}${keyForm === null ? "" : ` (key: ${keyForm})`}`;

function workspaceTable(hours: number, workspaces: SourceReport["workspaces"]): Markup {
  if (workspaces.length === 0)
    return html`<p class="soft">No events in the last ${hours} h, and no workspace is watched.</p>`;
  return html`<div class="scroll"><table>
<thead><tr><th>Workspace</th><th>By webhook</th><th>Found by catch-up</th><th>Recovered</th><th>Last webhook</th><th>Last read</th></tr></thead>
<tbody>${workspaces.map(
    (one) => html`<tr>
<td>${one.workspaceName ?? one.workspaceId}</td>
<td>${one.received}</td>
<td>${one.found}</td>
<td>${one.recovered}</td>
<td>${timeOf(one.lastReceivedAtMs)}</td>
<td>${timeOf(one.pulledAtMs)}${one.source === null ? "" : html` <span class="soft">${one.source}</span>`}</td>
</tr>${
      one.error === null
        ? ""
        : html`<tr><td colspan="6"><p class="note">Cannot be read since ${timeOf(one.failingSinceMs)}: ${one.error}${one.nextAction === null ? "" : html`<br>${one.nextAction}`}</p></td></tr>`
    }`,
  )}</tbody>
</table></div>
<p class="soft">In the last ${hours} h. Recovered: found by catch-up, and no webhook told of it.</p>`;
}
