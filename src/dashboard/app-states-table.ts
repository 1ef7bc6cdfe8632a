import { html } from "hono/html";
import type { AppStory } from "../../handlers/read-apps.ts";
import { timeOf } from "../text/figures.ts";
import { confirmForm } from "./confirm-form.ts";
import type { Markup } from "./layout.ts";
import { longCell } from "./table-cell.ts";

/** The Dify apps of the rules: how much each is given, and who has paused it. */
export const appStatesTable = (apps: readonly AppStory[], mayOperate: boolean): Markup =>
  html`<div class="scroll" id="apps-table" data-live="rules runs"><table class="stack">
<thead><tr><th scope="col">App</th><th scope="col">State</th><th scope="col">At work</th><th scope="col">Waiting</th>${mayOperate ? html`<th scope="col">Actions</th>` : ""}</tr></thead>
<tbody>${apps.map((app) => appRow(app, mayOperate))}</tbody></table></div>`;

const appRow = (app: AppStory, mayOperate: boolean): Markup => html`<tr>
<td>${nameOf(app)} <span class="soft">${app.app}</span><br><span class="soft">${app.rules.length === 0 ? "no rule in force" : app.rules.join(", ")}</span></td>
${longCell("State", stateOf(app))}
<td data-label="At work">${app.taken} of ${app.slots ?? "–"}</td>
<td data-label="Waiting">${app.open.waiting}</td>
${mayOperate ? html`<td>${appForm(app)}</td>` : ""}
</tr>`;

const nameOf = ({ variables, app }: AppStory): string => (variables.length === 0 ? app : variables.join(", "));

function stateOf({ state, reason, changedBy, sinceMs, restsUntilMs }: AppStory): Markup {
  if (state === "paused")
    return html`<span class="status paused">paused</span> <span class="soft">since ${timeOf(sinceMs)}${changedBy === null ? "" : ` by ${changedBy}`}</span>${reason === null ? "" : html`<br>${reason}`}`;
  return restsUntilMs === null
    ? html`<span class="status active">active</span>`
    : html`<span class="status held">busy</span> <span class="soft">asked again at ${timeOf(restsUntilMs)}</span>`;
}

function appForm(app: AppStory): Markup {
  const name = nameOf(app);
  return app.state === "active"
    ? confirmForm({
        action: `/apps/${app.app}/pause`,
        name: "Pause…",
        consequence:
          "Runs for this app wait, of all its rules, and no attempt is lost. What it works on goes on, and so do other apps.",
        yes: `Pause ${name}`,
      })
    : confirmForm({
        action: `/apps/${app.app}/resume`,
        name: "Resume…",
        consequence: "The runs that wait for this app go on, as many at a time as it takes.",
        yes: `Resume ${name}`,
      });
}
