import { html } from "hono/html";
import type { RunStory } from "../../handlers/read-runs.ts";
import type { Markup } from "./layout.ts";

const ENDED: ReadonlySet<RunStory["status"]> = new Set(["delivered", "failed", "cancelled", "skipped"]);

/** What an operator may do to a run as it stands. What cannot be taken back is asked for twice. */
export function runActions(run: RunStory): Markup | string {
  if (run.status === "failed" || run.status === "cancelled") {
    return html`<div class="actions">${confirmed(run.id, "replay", "Replay…", "The run begins again.", "Replay")}</div>`;
  }
  if (ENDED.has(run.status)) return "";
  if (run.cancelAskedAtMs !== null) {
    return html`<p class="note">It is being cancelled. <a href="/runs/${run.id}">Look again</a> for what came of it.</p>`;
  }
  if (run.status === "paused" && !run.parked) {
    return html`<p class="note">Its workflow waits for a person. <a href="/runs/${run.id}/answer">See what it asks, and answer.</a></p>
<div class="actions">${cancelForm(run.id, "Cancel this run…")}</div>`;
  }
  if (!run.parked) return html`<div class="actions">${cancelForm(run.id, "Cancel this run…")}</div>`;
  const anew =
    "A new workflow run is started. Should the old one live on, its outputs are not delivered, but whatever else it does happens twice.";
  return html`<div class="actions">
<form method="post" action="/runs/${run.id}/look-again"><button>Look for it in Dify again</button></form>
${confirmed(run.id, "replay", "Start anew…", anew, "Start anew")}
${cancelForm(run.id, "Give up…")}
</div>`;
}

const confirmed = (id: string, action: string, name: string, consequence: string, yes: string): Markup =>
  html`<details><summary>${name}</summary><form method="post" action="/runs/${id}/${action}"><p>${consequence}</p><button>${yes}</button></form></details>`;

const cancelForm = (id: string, name: string): Markup =>
  html`<details><summary>${name}</summary><form method="post" action="/runs/${id}/cancel">
<p>A workflow that runs is told to stop. What stands in Fast.io already stays there.</p>
<label>Reason <input name="reason" maxlength="200"></label> <button>Yes, cancel</button></form></details>`;
