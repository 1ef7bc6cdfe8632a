import { html } from "hono/html";
import type { Overview } from "../../handlers/read-runs.ts";
import type { SourceReport } from "../../handlers/read-sources.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { runsTable } from "./runs-table.ts";
import { sourcesTable } from "./sources-table.ts";

export function overviewPage({ counts, pausedRules, latest }: Overview, sources: SourceReport, reader: Reader): Markup {
  return layout(
    "Overview",
    html`<h1>Overview</h1>
<ul class="tiles">${Object.entries(counts).map(
      ([status, count]) => html`<li><a href="/runs?status=${status}"><b>${count}</b>${status}</a></li>`,
    )}</ul>
${pausedRules.map(
  ({ name, reason, nextAction }) =>
    html`<p class="note">Rule <b>${name}</b> is paused: ${reason ?? "no reason given"}${nextAction ? html`<br>${nextAction}` : ""}</p>`,
)}
<h2>Latest runs</h2>
${runsTable(latest)}
<h2>How events came</h2>
${sourcesTable(sources)}`,
    reader,
  );
}
