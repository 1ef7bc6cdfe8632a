import { html } from "hono/html";
import type { BulkList, BulkQuery } from "../../handlers/bulk-schemas.ts";
import { timeOf } from "../text/figures.ts";
import { DEED_WORDS, filterWords, STATE_WORDS } from "./bulk-words.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { olderLink } from "./older-link.ts";
import { cell, headOf } from "./table-cell.ts";

/** What was done to many runs at once, newest first. */
export const bulksPage = ({ bulks, next }: BulkList, { limit }: BulkQuery, reader: Reader): Markup =>
  layout(
    "Many runs at once",
    html`<h1>Many runs at once</h1>
<p><a href="/runs/bulk">Do something to many runs…</a></p>
<div id="bulks" data-live="bulk">
${
  bulks.length === 0
    ? html`<p class="soft">Nothing was done to many runs at once yet.</p>`
    : html`<div class="scroll"><table class="stack">${headOf(["What", "State", "Done", "Who", "When"])}
<tbody>${bulks.map(
        (bulk) => html`<tr>
<td data-label="What"><a href="/bulk/${bulk.id}">${DEED_WORDS[bulk.action].noun} of ${bulk.total} runs</a><br><span class="soft">${filterWords(bulk.filter)}</span></td>
<td data-label="State"><span class="status ${bulk.state}">${STATE_WORDS[bulk.state]}</span></td>
<td data-label="Done">${bulk.done} of ${bulk.total}${bulk.refused + bulk.already === 0 ? "" : `, ${bulk.refused} refused, ${bulk.already} were so already`}</td>
<td data-label="Who">${bulk.askedBy}${bulk.reason === null ? "" : html`<br><span class="soft">${bulk.reason}</span>`}</td>
${cell("When", timeOf(bulk.createdAtMs))}</tr>`,
      )}</tbody></table></div>`
}
${olderLink("Older ones", "/bulk", next, { limit })}
</div>`,
    reader,
  );
