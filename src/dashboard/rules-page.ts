import { html } from "hono/html";
import { isEnough } from "../../handlers/access.ts";
import type { AppStory } from "../../handlers/read-apps.ts";
import type { RuleList, RuleStory } from "../../handlers/read-rules.ts";
import { counted, timeOf } from "../text/figures.ts";
import { appStatesTable } from "./app-states-table.ts";
import { confirmForm } from "./confirm-form.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { longCell } from "./table-cell.ts";

/** The rules in force with what an operator may do to each, their apps, and what is wrong with the file when it says something else. */
export function rulesPage({ rules, refused }: RuleList, apps: readonly AppStory[], reader: Reader): Markup {
  const mayOperate = isEnough(reader.role, "operator");
  return layout(
    "Rules",
    html`<h1>Rules</h1>
${
  refused === null
    ? ""
    : html`<div class="note">The rules file is wrong since ${timeOf(refused.sinceMs)}; the rules from before are in force.<pre>${refused.message}</pre></div>`
}
<div class="scroll" id="rules" data-live="rules runs"><table class="stack">
<thead><tr><th scope="col">Rule</th><th scope="col">State</th><th scope="col">Last 24 hours</th><th scope="col">Used today</th>${mayOperate ? html`<th scope="col">Actions</th>` : ""}</tr></thead>
<tbody>${rules.map((rule) => ruleRow(rule, mayOperate))}</tbody></table></div>
<h2 id="apps">Dify apps</h2>
${appStatesTable(apps, mayOperate)}`,
    reader,
  );
}

const ruleRow = (rule: RuleStory, mayOperate: boolean): Markup => html`<tr id="rule-${rule.name}">
<td><a href="/runs?rule=${rule.name}">${rule.name}</a>${rule.shadow ? html`<br><span class="soft">shadow: delivers nowhere</span>` : ""}<br><span class="soft">workspace ${rule.workspace}, key in ${rule.keyVariable}</span></td>
${longCell("State", stateOf(rule))}
<td data-label="Last 24 hours">${figuresOf(rule)}</td>
<td data-label="Used today">${usedWords(rule.runsToday, rule.runsPerDay, "run")}, ${usedWords(rule.tokensToday, rule.tokensPerDay, "token")}</td>
${mayOperate ? html`<td>${ruleForms(rule)}</td>` : ""}
</tr>`;

function stateOf(rule: RuleStory): Markup {
  const { workspace, workspaceFault: fault } = rule;
  if (fault === null) return pauseOf(rule);
  return html`${pauseOf(rule)}<p class="note">The workspace ${workspace} cannot be read since ${timeOf(fault.sinceMs)}: ${fault.message}${fault.nextAction === null ? "" : html`<br>${fault.nextAction}`}</p>`;
}

function pauseOf({ state, reason, nextAction, changedBy, sinceMs }: RuleStory): Markup {
  if (state === "active") return html`<span class="status active">active</span>`;
  const by = changedBy === null ? "" : ` by ${changedBy}`;
  return html`<span class="status paused">paused</span> <span class="soft">since ${timeOf(sinceMs)}${by}</span>${reason === null ? "" : html`<br>${reason}`}${nextAction === null ? "" : html`<br><span class="soft">${nextAction}</span>`}`;
}

function figuresOf({ name, open, lastDay: { delivered, failed, dropped }, floodHeld }: RuleStory): Markup {
  const failures =
    failed === 0 ? "" : html`, <a class="status failed" href="/runs?rule=${name}&status=failed">${failed} failed</a>`;
  const others = dropped === 0 ? "" : `, ${dropped} cancelled or skipped`;
  const now = open.waiting + open.atWork + open.paused + open.held;
  const held = floodHeld === 0 ? "" : html`<br><span class="status held">${floodHeld} held: there were so many</span>`;
  return html`${delivered} delivered${failures}${others}<br><span class="soft">${now} on their way</span>${held}`;
}

/** The same path for the form of each action. */
function ruleForms({ name, state, floodHeld }: RuleStory): Markup {
  const action = (what: string): string => `/rules/${name}/${what}`;
  const change =
    state === "active"
      ? confirmForm({
          action: action("pause"),
          name: "Pause…",
          consequence: "Runs of this rule that have not begun are held, and new ones too. What Dify works on goes on.",
          yes: `Pause ${name}`,
        })
      : confirmForm({
          action: action("resume"),
          name: "Resume…",
          consequence: "The rule goes on, with the runs that were held meanwhile.",
          yes: `Resume ${name}`,
        });
  const release =
    floodHeld === 0
      ? ""
      : confirmForm({
          action: action("release"),
          name: `Release ${floodHeld} held…`,
          consequence: `${floodHeld} runs go on that were held because there were so many. Their workflows use tokens.`,
          yes: `Release ${floodHeld}`,
        });
  return html`${change}${release}<a href="${action("backtest")}">Backtest: the last 30 days</a>`;
}

/** The same with what is counted: `1 run`, `1 of 500 runs`. */
const usedWords = (used: number, most: RuleStory["runsPerDay"], what: string): string =>
  most === null ? counted(used, what) : `${usedOf(used, null)} of ${counted(most, what)}`;

/** What was used of what may be. */
export const usedOf = (used: number, most: RuleStory["runsPerDay"]): string =>
  most === null ? used.toLocaleString("en") : `${used.toLocaleString("en")} of ${most.toLocaleString("en")}`;
