import { html } from "hono/html";
import type { PlanOutcome } from "../../handlers/bulk-runs.ts";
import { BULK_DEEDS, type BulkPlan } from "../../handlers/bulk-schemas.ts";
import { SEARCH_FIELDS } from "../../handlers/run-search-query.ts";
import { RUN_STATUSES } from "../ledger/run-statuses.ts";
import type { BulkDeed } from "../ledger/schema.ts";
import { spanOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { DEED_WORDS, filterWords, whyNotBegun } from "./bulk-words.ts";
import { hidden } from "./confirm-form.ts";
import { layout, type Markup, type Reader } from "./layout.ts";

export type BulkForm = {
  /** The filter, as it was written. */
  readonly asked: Readonly<Record<string, string>>;
  /** Runs a minute. */
  readonly rate: number;
  /** Names the wish, so that the form sent twice is one. */
  readonly key: string;
  /** What would be done; undefined: nothing was chosen yet. */
  readonly outcome: PlanOutcome | undefined;
  /** How many match, where it was begun with another number in mind. */
  readonly changed?: number;
};

/** Where many runs are chosen, what would be done to them is told, and then confirmed. */
export const bulkPlanPage = (form: BulkForm, reader: Reader): Markup =>
  layout(
    "Many runs at once",
    html`<h1>Many runs at once</h1>
<p>Nothing is done before you have seen to which runs. <a href="/bulk">What was done to many before</a></p>
${chooser(form)}
${form.changed === undefined ? "" : html`<p class="note">Nothing was begun: by now ${form.changed} runs match. Look again.</p>`}
${form.outcome === undefined ? "" : outcomeOf(form, form.outcome)}`,
    reader,
  );

const FIELDS = [
  ["rule", "Rule", "its name"],
  ["error", "Error code", "dify_run_failed"],
  ["since", "Since (UTC)", "24h, 7d, 2026-11-22"],
  ["until", "Until (UTC)", "1h, 2026-11-23T06:00"],
  ["q", "Search", "as in the list of runs"],
] as const;

function chooser({ asked, rate, outcome }: BulkForm): Markup {
  const shown: readonly string[] = ["status", ...FIELDS.map(([name]) => name)];
  const chosen = outcome?.kind === "planned" ? outcome.plan.action : "replay";
  const others = SEARCH_FIELDS.filter((field) => !shown.includes(field) && asked[field] !== undefined);
  return html`<form method="get" action="/runs/bulk" class="filters">
<label>Do <select name="action">${BULK_DEEDS.map((deed) => html`<option value="${deed}"${deed === chosen ? html` selected` : ""}>${DEED_WORDS[deed].verb}</option>`)}</select></label>
<label>Status <select name="status">${statusOption("", "as fits", asked["status"])}${RUN_STATUSES.map((status) => statusOption(status, status, asked["status"]))}</select></label>
${FIELDS.map(([name, label, hint]) => html`<label>${label} <input name="${name}" value="${asked[name] ?? ""}" placeholder="${hint}" maxlength="2048"></label>`)}
${others.map((field) => html`<label>${field} <input name="${field}" value="${asked[field] ?? ""}"></label>`)}
<label>Runs a minute <input name="rate" type="number" min="1" max="6000" value="${String(rate)}"></label>
<button>See what would be done</button></form>`;
}

const statusOption = (value: string, words: string, asked: string | undefined): Markup =>
  html`<option value="${value}"${asked === value ? html` selected` : ""}>${words}</option>`;

function outcomeOf(form: BulkForm, outcome: PlanOutcome): Markup {
  switch (outcome.kind) {
    case "planned":
      return planned(form, outcome.plan);
    case "wrong_filter":
      return html`${outcome.problems.map(({ name, reason }) => html`<p class="note"><b>${name}</b> ${reason}.</p>`)}`;
    default:
      return outcome satisfies never;
  }
}

function planned(form: BulkForm, plan: BulkPlan): Markup {
  const { action, matches, most, groups, sample } = plan;
  if (matches === 0) return html`<p class="note">${whyNotBegun({ kind: "no_runs" })}</p>`;
  return html`<h2>${DEED_WORDS[action].noun} of ${matches} runs</h2>
<p class="soft">${filterWords(plan.filter)}; only runs that are ${plan.statuses.join(", ")}</p>
<div class="scroll"><table><thead><tr><th scope="col">Rule</th><th scope="col">Status</th><th scope="col" class="number">Runs</th></tr></thead>
<tbody>${groups.map(({ rule, status, count }) => html`<tr><td>${rule}</td><td><span class="status ${status}">${status}</span></td><td class="number">${count}</td></tr>`)}</tbody></table></div>
${costOf(plan)}
<p>Among them: ${sample.map((run, place) => html`${place === 0 ? "" : ", "}<a href="/runs/${run.id}">${filesWords(run)}</a>`)}</p>
${matches > most ? html`<p class="note">More than ${most} are not taken at once: narrow the filter.</p>` : confirm(form, plan)}`;
}

function costOf({ workflows, estimatedTokens, unknownRules, estimatedMs }: BulkPlan): Markup | string {
  const time = estimatedMs === null ? "how long that takes nobody can tell yet" : `about ${spanOf(estimatedMs)} in all`;
  if (workflows === 0) return html`<p>No workflow is started; ${time}.</p>`;
  const tokens =
    estimatedTokens === null ? "of how many tokens nobody can tell yet" : `of about ${estimatedTokens} tokens`;
  const unknown = unknownRules.length === 0 ? "" : ` Not in it: ${unknownRules.join(", ")}, of which no run tells.`;
  return html`<p>${workflows} workflow runs ${tokens}, ${time}.${unknown}</p>`;
}

const confirm = ({ rate, key }: BulkForm, { action, matches, fixed }: BulkPlan): Markup =>
  html`<form method="post" action="/runs/bulk" class="deed">
${hidden("action", action)}${hidden("key", key)}${hidden("expect", matches)}${hidden("rate", rate)}
${Object.entries(fixed).map(([name, value]) => hidden(name, value ?? ""))}
<p>${CONSEQUENCES[action]} ${rate} runs a minute, the oldest first; it can be stopped at any time. Runs that come to match later are left alone.</p>
${
  action === "replay"
    ? html`<fieldset><legend>Which version</legend>
<label><input type="radio" name="version" value="newest" checked> the rules as the file has them now, and the workflows as they are published</label>
<label><input type="radio" name="version" value="same"> as each run had them</label></fieldset>`
    : ""
}
<label>Reason <input name="reason" maxlength="200"></label> <button>${DEED_WORDS[action].yes} ${matches} runs</button></form>`;

const CONSEQUENCES: Readonly<Record<BulkDeed, string>> = {
  replay: "The runs begin again; those whose outputs are there go on with their delivery.",
  cancel: "Workflows that run are told to stop. What stands in Fast.io already stays there.",
  release: "The runs go on before others that are held. What is over its limit still is held again.",
};
