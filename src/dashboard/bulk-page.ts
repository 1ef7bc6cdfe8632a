import { html } from "hono/html";
import type { BulkRun, BulkStory } from "../../handlers/bulk-schemas.ts";
import { timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { DEED_WORDS, filterWords, STATE_WORDS } from "./bulk-words.ts";
import { confirmForm } from "./confirm-form.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { headOf, longCell, wholeCell } from "./table-cell.ts";

/** How far something is that is done to many runs. */
export function bulkPage(bulk: BulkStory, reader: Reader): Markup {
  const { id, action, version, total, filter } = bulk;
  const how = version === "same" ? ", each as it was" : "";
  return layout(
    `${DEED_WORDS[action].noun} of ${total} runs`,
    html`<h1>${DEED_WORDS[action].noun} of ${total} runs${how}</h1>
<p class="soft">${filterWords(filter)}</p>
<div id="bulk-${id}" data-live="bulk">${progressOf(bulk)}</div>
<p><a href="/bulk">All of them</a> · <a href="/runs">Runs</a></p>`,
    reader,
  );
}

function progressOf(bulk: BulkStory): Markup {
  const { id, state, total, done, already, refused, left, perMinute, endsAtMs, finishedAtMs } = bulk;
  const ahead =
    endsAtMs === null
      ? `${left} left, ended ${timeOf(finishedAtMs)}`
      : `${left} left at ${perMinute} a minute, until about ${timeOf(endsAtMs)}`;
  return html`<p><span class="status ${state}">${STATE_WORDS[state]}</span> ${ahead}</p>
<p><progress max="${String(total)}" value="${String(total - left)}" aria-label="Runs it came to">${total - left} of ${total}</progress></p>
<ul class="tiles"><li><b>${done}</b>done</li><li><b>${already}</b>were so already</li><li><b>${refused}</b>refused</li><li><b>${left}</b>left</li></ul>
<p>Asked for by ${bulk.askedBy} at ${timeOf(bulk.createdAtMs)}${bulk.reason === null ? "" : `: ${bulk.reason}`}</p>
${bulk.abortedBy === null ? "" : html`<p>Stopped by ${bulk.abortedBy}${bulk.abortReason === null ? "" : `: ${bulk.abortReason}`}</p>`}
${
  state === "running"
    ? html`<div class="actions">${confirmForm({
        action: `/bulk/${id}/abort`,
        name: "Stop…",
        consequence: `No further run is taken. What was done to ${done} stays done.`,
        yes: "Stop here",
      })}</div>`
    : ""
}
${bulk.notDone.length === 0 ? "" : html`<h2>Not done</h2>${runsTable(bulk.notDone)}`}
${bulk.latest.length === 0 ? "" : html`<h2>Latest</h2>${runsTable(bulk.latest)}`}`;
}

const runsTable = (runs: readonly BulkRun[]): Markup =>
  html`<div class="scroll"><table class="stack">${headOf(["File", "Outcome", "When"])}
<tbody>${runs.map(({ run, file, moreFiles, outcome, note, atMs }) => html`<tr>${longCell("File", html`<a href="/runs/${run}">${file === null ? run : filesWords({ file, moreFiles })}</a>`)}${longCell("Outcome", `${outcome}${note === null ? "" : `: ${note}`}`)}${wholeCell("When", timeOf(atMs))}</tr>`)}</tbody></table></div>`;
