import { html } from "hono/html";
import type { AppOverview, Ended, Overview, RuleOverview } from "../../handlers/overview-schemas.ts";
import { spanOf, timeOf } from "../text/figures.ts";
import type { Markup } from "./layout.ts";
import { cell, headOf, numberCell } from "./table-cell.ts";

/** @param atMs since when something waits; null: nothing does */
export const ageOf = (atMs: number | null, nowMs: number): string =>
  atMs === null ? "–" : spanOf(Math.max(0, nowMs - atMs));

/** About how long until nothing waits. */
export const drainOf = (drainMs: number | null): string =>
  drainMs === null ? "unknown" : drainMs === 0 ? "–" : `about ${spanOf(drainMs)}`;

/** Never rounded up: 100 % means all. */
const percentOf = (success: number | null): string =>
  success === null ? "–" : `${(Math.floor(success * 1_000) / 10).toFixed(success === 1 ? 0 : 1)} %`;

/** How runs ended in the last hour and day. */
export const endedTable = ({ lastHour, lastDay }: Pick<Overview, "lastHour" | "lastDay">): Markup =>
  html`<div class="scroll"><table class="stack"><caption>How runs ended</caption>
${headOf(["In the last", "Delivered#", "Failed#", "Dropped#", "Success#", "Took on average#"])}
<tbody>${endedRow("hour", lastHour)}${endedRow("24 hours", lastDay)}</tbody></table></div>`;

const endedRow = (name: string, { delivered, failed, dropped, success, meanMs }: Ended): Markup =>
  html`<tr><th scope="row" data-label="In the last">${name}</th>${numberCell("Delivered", delivered)}${numberCell("Failed", failed)}${numberCell("Dropped", dropped)}${numberCell("Success", percentOf(success))}${numberCell("Took on average", meanMs === null ? "–" : spanOf(meanMs))}</tr>`;

/** What each Dify app is given and works off. */
export function appsTable({ apps, readAtMs }: Overview): Markup {
  if (apps.length === 0) return html`<p class="soft">No rule names an app.</p>`;
  return html`<div class="scroll"><table class="stack">
${headOf(["App", "Wait#", "Oldest waits#", "Time to drain#", "Slots taken#", "Delivered in 24 h#", "Failed in 24 h#", "Success#"])}
<tbody>${apps.map((app) => appRow(app, readAtMs))}</tbody></table></div>`;
}

function appRow(app: AppOverview, nowMs: number): Markup {
  const name = app.keys.length === 0 ? "in no rule now" : app.keys.join(", ");
  const rest =
    app.restUntilMs === null
      ? ""
      : html`<br><span class="soft">is busy, and left alone until ${timeOf(app.restUntilMs)}</span>`;
  return html`<tr><th scope="row" data-label="App">${name}<br><span class="soft">${app.app}</span>${rest}</th>
${numberCell("Wait", app.waiting)}${numberCell("Oldest waits", ageOf(app.oldestMs, nowMs))}
${numberCell("Time to drain", drainOf(app.drainMs))}
${numberCell("Slots taken", app.slots === null ? "–" : `${app.taken} of ${app.slots}`)}
${numberCell("Delivered in 24 h", app.lastDay.delivered)}${numberCell("Failed in 24 h", app.lastDay.failed)}${numberCell("Success", percentOf(app.lastDay.success))}</tr>`;
}

/** How each rule fares. */
export function rulesTable({ rules, readAtMs }: Overview): Markup {
  if (rules.length === 0) return html`<p class="soft">The rules file has no rule.</p>`;
  return html`<div class="scroll"><table class="stack">
${headOf(["Rule", "State", "Wait#", "Oldest waits#", "At work#", "Paused#", "Held#", "Delivered in 24 h#", "Failed in 24 h#", "Success#"])}
<tbody>${rules.map((rule) => ruleRow(rule, readAtMs))}</tbody></table></div>`;
}

function ruleRow(rule: RuleOverview, nowMs: number): Markup {
  const state = rule.isPaused ? html`<span class="status paused">paused</span>` : rule.isInForce ? "active" : "gone";
  return html`<tr><th scope="row" data-label="Rule">${rule.isInForce ? html`<a href="/rules#rule-${rule.name}">${rule.name}</a>` : rule.name}</th>${cell("State", state)}
${numberCell("Wait", rule.waiting)}${numberCell("Oldest waits", ageOf(rule.oldestMs, nowMs))}${numberCell("At work", rule.atWork)}
${numberCell("Paused", rule.paused)}${numberCell("Held", rule.held)}
${numberCell("Delivered in 24 h", rule.lastDay.delivered)}${numberCell("Failed in 24 h", rule.lastDay.failed)}${numberCell("Success", percentOf(rule.lastDay.success))}</tr>`;
}
