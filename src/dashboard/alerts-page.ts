import { html } from "hono/html";
import type { Alert, AlertList } from "../../handlers/read-alerts.ts";
import { wellSince } from "../alerts/well-since.ts";
import { spanOf, timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { cell, headOf } from "./table-cell.ts";

/** What each kind means, in a heading's words. */
const ALERT_WORDS: Readonly<Record<Alert["kind"], string>> = {
  quiet_source: "A source is quiet",
  growing_outbox: "Work does not reach its queue",
  under_pressure: "Something is too full or too slow",
  queue_unworked: "Nobody works on a queue",
  failing_rule: "A rule fails",
  rule_paused: "A rule was paused",
  budget_reached: "A budget is used up",
  secret_unused: "A secret is not needed any more",
  signature_changed: "A signature changed",
  app_down: "A Dify app is down",
};

/** What is wrong now, and what was. */
export function alertsPage({ open, cleared, isTold }: AlertList, reader: Reader): Markup {
  return layout(
    "Alerts",
    html`<h1>Alerts</h1>
<section id="open-alerts" data-live="alerts">
${open.length === 0 ? html`<p>Nothing is wrong, as far as the relay sees.</p>` : open.map((alert) => openAlert(alert, reader.atMs))}
${isTold ? "" : html`<p class="soft">Nobody is told of alerts: set ALERT_NOTICE_URL to the address of an incoming webhook.</p>`}
</section>
<section id="cleared-alerts" data-live="alerts" aria-labelledby="cleared-heading"><h2 id="cleared-heading">Over</h2>
${cleared.length === 0 ? html`<p class="soft">None in the last 30 days.</p>` : clearedTable(cleared)}</section>`,
    reader,
  );
}

const openAlert = (alert: Alert, nowMs: number): Markup => html`<article class="note">
<h2>${ALERT_WORDS[alert.kind]}</h2>
<p>${alert.message}<br>→ ${alert.nextAction}</p>
<p class="soft">${subjectOf(alert)}since ${timeOf(alert.sinceMs)}${alert.flaps > 0 ? html`, came back ${alert.flaps} ${alert.flaps === 1 ? "time" : "times"}` : ""}${
  alert.notifiedAtMs === null ? "" : html`, told ${timeOf(alert.notifiedAtMs)}`
}${wellWords(alert, nowMs)}</p>
</article>`;

function wellWords(alert: Alert, nowMs: number): string {
  const wellMs = wellSince(alert, nowMs);
  return wellMs === undefined ? "" : `, not seen after ${timeOf(wellMs)}: over when that lasts`;
}

/** Where more stands about it. */
function subjectOf({ kind, subject }: Alert): Markup | string {
  switch (kind) {
    case "failing_rule":
      return html`<a href="/runs?status=failed&amp;rule=${encodeURIComponent(subject)}">its failed runs</a>, `;
    case "rule_paused":
    case "budget_reached":
      return html`<a href="/rules#rule-${subject}">the rule</a>, `;
    case "signature_changed":
    case "secret_unused":
      return html`<a href="/deliveries">the deliveries</a>, `;
    case "quiet_source":
      return html`<a href="/rules">the rules</a>, `;
    case "growing_outbox":
    case "under_pressure":
    case "queue_unworked":
    case "app_down":
      return "";
    default:
      return kind satisfies never;
  }
}

const clearedTable = (alerts: readonly Alert[]): Markup => html`<div class="scroll"><table class="stack">
${headOf(["What", "Since", "Over", "Lasted"])}
<tbody>${alerts.map(
  ({ kind, message, sinceMs, clearedAtMs }) =>
    html`<tr>${cell("What", html`${ALERT_WORDS[kind]}<br><span class="soft">${message}</span>`)}${cell("Since", timeOf(sinceMs))}${cell("Over", timeOf(clearedAtMs))}${cell("Lasted", spanOf((clearedAtMs ?? sinceMs) - sinceMs))}</tr>`,
)}</tbody></table></div>`;
