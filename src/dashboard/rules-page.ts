import { html } from "hono/html";
import type { RuleList, RuleStory } from "../../handlers/read-rules.ts";
import { layout, type Markup, type Reader, timeOf } from "./layout.ts";

/** The rules in force, and what is wrong with the file when it says something else. */
export function rulesPage({ rules, refused }: RuleList, reader: Reader): Markup {
  return layout(
    "Rules",
    html`<h1>Rules</h1>
${
  refused === null
    ? ""
    : html`<div class="note">The rules file is wrong since ${timeOf(refused.sinceMs)}; the rules from before are in force.<pre>${refused.message}</pre></div>`
}
<div class="scroll"><table>
<thead><tr><th>Rule</th><th>State</th><th>Workspace</th><th>Runs today</th><th>Tokens today</th></tr></thead>
<tbody>${rules.map(
      (rule) => html`<tr>
<td>${rule.name}${rule.shadow ? html`<br><span class="soft">shadow: delivers nowhere</span>` : ""}</td>
<td><span class="status ${rule.state}">${rule.state}</span>${rule.state === "paused" && rule.reason ? html`<br><span class="soft">${rule.reason}${rule.nextAction ? html`<br>${rule.nextAction}` : ""}</span>` : ""}</td>
<td>${rule.workspace}</td>
<td>${usedOf(rule.runsToday, rule.runsPerDay)}</td>
<td>${usedOf(rule.tokensToday, rule.tokensPerDay)}</td>
</tr>`,
    )}</tbody></table></div>`,
    reader,
  );
}

/** What was used of what may be. */
export const usedOf = (used: number, most: RuleStory["runsPerDay"]): string =>
  most === null ? String(used) : `${used} of ${most}`;
