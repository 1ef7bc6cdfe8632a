import { html } from "hono/html";
import type { RunList } from "../../handlers/read-runs.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { runsTable } from "./runs-table.ts";

export function runsPage({ runs, status, next }: RunList, reader: Reader): Markup {
  const filter = status ? `&status=${status}` : "";
  return layout(
    "Runs",
    html`<h1>Runs${status ? html` <span class="status ${status}">${status}</span>` : ""}</h1>
${runsTable(runs)}
${next === null ? "" : html`<p><a href="/runs?before=${next}${filter}">Older runs</a></p>`}`,
    reader,
  );
}
