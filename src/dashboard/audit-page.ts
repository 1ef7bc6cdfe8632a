import { html } from "hono/html";
import type { ActionList, OperatorAction } from "../../handlers/read-audit.ts";
import type { ToolCallRow } from "../ledger/schema.ts";
import { spanOf, timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { olderLink } from "./older-link.ts";
import { cell, headOf, longCell, wholeCell } from "./table-cell.ts";

const FIELDS = [
  ["who", "Who", "anna"],
  ["action", "Did", "run.replay, or run"],
  ["target", "What", "a run's id, or a rule"],
  ["since", "Since (UTC)", "24h, 7d, 2026-11-22"],
  ["until", "Until (UTC)", "1h, 2026-11-23T06:00"],
] as const;

export type AskedAudit = Readonly<Partial<Record<(typeof FIELDS)[number][0] | "limit", string>>>;

/** What operators did, newest first. @param fault what of the filter cannot be used */
export const auditPage = (asked: AskedAudit, { actions, next }: ActionList, reader: Reader, fault?: string): Markup =>
  layout(
    "Audit",
    html`<h1>What operators did</h1>
<p>${tabs("operators")}</p>
<form method="get" action="/audit" class="filters" role="search">${FIELDS.map(
      ([name, label, hint]) =>
        html`<label>${label} <input name="${name}" value="${asked[name] ?? ""}" placeholder="${hint}" maxlength="200"></label>`,
    )}<button>Find</button> <a href="/audit">Clear</a></form>
${fault === undefined ? "" : html`<p class="note">${fault}</p>`}
<div id="actions" data-live="audit">
${actions.length === 0 ? html`<p class="soft">Nothing of that.</p>` : actionsTable(actions)}
${olderLink("Older ones", "/audit", next, asked)}
</div>`,
    reader,
  );

const tabs = (here: "operators" | "tools"): Markup =>
  html`${here === "operators" ? html`<b>By operators</b>` : html`<a href="/audit">By operators</a>`} · ${here === "tools" ? html`<b>By agents</b>` : html`<a href="/audit?of=tools">By agents</a>`} · <a href="/api/audit?what=operators" download>All as CSV</a>`;

const actionsTable = (actions: readonly OperatorAction[]): Markup =>
  html`<div class="scroll"><table class="stack">${headOf(["When", "Who", "Did", "What", "Why", "Outcome"])}
<tbody>${actions.map(
    (one) =>
      html`<tr>${wholeCell("When", timeOf(one.atMs))}${cell("Who", one.who)}${cell("Did", one.action)}${longCell("What", targetOf(one))}${longCell("Why", one.reason ?? "–")}${cell("Outcome", one.outcome === "" ? "–" : one.outcome)}</tr>`,
  )}</tbody></table></div>`;

/** A link to what it was done to, where that has a page. */
function targetOf({ action, target }: OperatorAction): Markup | string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(target)) return target;
  const [kind] = action.split(".");
  if (kind === "run" || kind === "share") return html`<a href="/runs/${target}">${target}</a>`;
  if (kind === "bulk") return html`<a href="/bulk/${target}">${target}</a>`;
  if (kind === "rule") return html`<a href="/rules#rule-${target}">${target}</a>`;
  return kind === "app" ? html`<a href="/rules#apps">${target}</a>` : target;
}

/** What agents called, newest first. */
export const toolCallsPage = (calls: readonly ToolCallRow[], reader: Reader): Markup =>
  layout(
    "Audit",
    html`<h1>What agents called</h1>
<p>${tabs("tools")}</p>
${
  calls.length === 0
    ? html`<p class="soft">No agent has called a tool yet.</p>`
    : html`<div class="scroll"><table class="stack">${headOf(["When", "Who", "Called", "About", "Answer", "Took"])}
<tbody>${calls.map(
        ({ atMs, caller, via, operation, target, status, code, endedAtMs }) =>
          html`<tr>${wholeCell("When", timeOf(atMs))}${cell("Who", caller)}${cell("Called", `${operation} (${via})`)}${longCell("About", target ?? "–")}${cell("Answer", status === null ? "none" : `${status}${code === null ? "" : ` ${code}`}`)}${cell("Took", endedAtMs === null ? "–" : spanOf(endedAtMs - atMs))}</tr>`,
      )}</tbody></table></div>`
}`,
    reader,
  );
