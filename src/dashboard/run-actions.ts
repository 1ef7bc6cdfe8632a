import { html } from "hono/html";
import type { RunStory } from "../../handlers/run-schemas.ts";
import { confirmForm, hidden } from "./confirm-form.ts";
import type { Markup } from "./layout.ts";

/** What an operator may do to a run as it stands. What cannot be taken back is asked for twice. */
export function runActions(run: RunStory): Markup | string {
  if (run.status === "skipped") return "";
  if (run.finishedAtMs !== null) return html`<div class="actions">${replayForm(run, "Replay…", "Replay")}</div>`;
  if (run.cancelAskedAtMs !== null) {
    return html`<p class="note">It is being cancelled. <a href="/runs/${run.id}">Look again</a> for what came of it.</p>`;
  }
  if (run.status === "held") {
    return html`<div class="actions">${run.errorCode === null ? "" : releaseForm(run)}${cancelForm(run, "Cancel this run…")}</div>`;
  }
  if (run.status === "paused" && !run.parked) {
    return html`<p class="note">Its workflow waits for a person. <a href="/runs/${run.id}/answer">See what it asks, and answer.</a></p>
<div class="actions">${cancelForm(run, "Cancel this run…")}</div>`;
  }
  if (!run.parked) return html`<div class="actions">${cancelForm(run, "Cancel this run…")}</div>`;
  return html`<div class="actions">
<form method="post" action="/runs/${run.id}/look-again"><button>Look for it in Dify again</button></form>
${replayForm(run, "Start anew…", "Start anew")}
${cancelForm(run, "Give up…")}
</div>`;
}

function replayForm(run: RunStory, name: string, yes: string): Markup {
  const ran = run.workflowVersion === null ? "" : html` (<code>${run.workflowVersion}</code>)`;
  return confirmForm({
    action: `/runs/${run.id}/replay`,
    name,
    consequence: consequenceOf(run),
    fields: html`${hidden("seen", run.generation)}<fieldset><legend>Which version</legend>
<label><input type="radio" name="version" value="newest" checked> the rule as the file has it now, and the workflow as it is published</label>
<label><input type="radio" name="version" value="same"> the rule as the run had it, and the version of the workflow that ran${ran}</label>
</fieldset>
`,
    yes,
  });
}

function consequenceOf({ parked, status, share }: RunStory): string {
  if (parked)
    return "A new workflow run is started. Should the old one live on, its outputs are not delivered, but whatever else it does happens twice.";
  const link = share === null ? "" : " Its link stays, and files of the same name get a new version.";
  return status === "delivered"
    ? `It is delivered already. The workflow runs again, and uses tokens again.${link}`
    : `The run begins again; one whose outputs are there goes on with its delivery.${link}`;
}

const cancelForm = ({ id }: RunStory, name: string): Markup =>
  confirmForm({
    action: `/runs/${id}/cancel`,
    name,
    consequence: "A workflow that runs is told to stop. What stands in Fast.io already stays there.",
    yes: "Yes, cancel",
  });

const releaseForm = ({ id }: RunStory): Markup =>
  confirmForm({
    action: `/runs/${id}/release`,
    name: "Let it go on…",
    consequence:
      "The run goes on before the others that are held. If its rule is over its limit still, it is held again.",
    yes: "Let it go on",
  });
