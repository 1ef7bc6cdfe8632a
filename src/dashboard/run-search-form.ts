import { html } from "hono/html";
import type { FoundRuns } from "../../handlers/read-runs.ts";
import { RUN_STEPS, type SearchField } from "../../handlers/run-search-query.ts";
import { RUN_STATUSES } from "../ledger/run-statuses.ts";
import type { Markup } from "./layout.ts";

type Asked = FoundRuns["asked"];

/** Fields of one line of text, after the search box and the name. */
const TEXT_FIELDS: readonly { readonly name: SearchField; readonly label: string; readonly hint: string }[] = [
  { name: "file", label: "Part of a file name", hint: "always taken as a name" },
  { name: "rule", label: "Rule", hint: "its name" },
  { name: "workspace", label: "Workspace", hint: "id or name" },
  { name: "app", label: "Dify app", hint: "as the overview names it" },
  { name: "person", label: "Person", hint: "e-mail address or user id" },
  { name: "error", label: "Error code", hint: "dify_run_failed" },
  { name: "since", label: "Since (UTC)", hint: "24h, 7d, 2026-11-22" },
  { name: "until", label: "Until (UTC)", hint: "1h, 2026-11-23T06:00" },
];

/** The search box with the filters below it; what was asked for stands in them, and its address can be kept or sent. */
export function runSearchForm(asked: Asked): Markup {
  const { q, ...filters } = asked;
  const statuses = new Set(
    (filters.status ?? "")
      .toLowerCase()
      .split(",")
      .map((status) => status.trim()),
  );
  return html`<form method="get" action="/runs" role="search" class="run-search">
<p><label for="run-search-q">Find a run</label> <input type="search" id="run-search-q" name="q" value="${q ?? ""}" maxlength="2048" placeholder="file name, id, link or e-mail"> <button>Find</button></p>
<details${Object.keys(filters).length > 0 ? html` open` : ""}><summary>Filters</summary>
<fieldset><legend>Status</legend>${RUN_STATUSES.map(
    (status) =>
      html`<label><input type="checkbox" name="status" value="${status}"${statuses.has(status) ? html` checked` : ""}> ${status}</label> `,
  )}</fieldset>
<div class="fields">${TEXT_FIELDS.map(
    ({ name, label, hint }) =>
      html`<label>${label}<input name="${name}" value="${asked[name] ?? ""}" placeholder="${hint}"></label>`,
  )}<label>Failed step<select name="step"><option value="">any</option>${RUN_STEPS.map(
    (step) => html`<option${asked.step === step ? html` selected` : ""}>${step}</option>`,
  )}</select></label></div>
<p><button>Find</button> <a href="/runs">Clear</a></p>
</details></form>`;
}

/** How the search box was understood, where that might not be what was meant. */
export function understoodAs({ understood, asked: { q } }: Pick<FoundRuns, "understood" | "asked">): Markup | string {
  if (q === undefined || understood === null || understood === "name") return "";
  const words = { ids: "an id", link: "a link", person: "a person" }[understood];
  return html`<p class="soft">Taken for ${words}. <a href="/runs?${new URLSearchParams({ file: q })}">Look for it in file names</a></p>`;
}
