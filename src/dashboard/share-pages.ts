import { html } from "hono/html";
import { isEnough } from "../../handlers/access.ts";
import type { ShareList, ShareStory, SharesQuery } from "../../handlers/share-schemas.ts";
import { timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { accessTable, linkWords, revokeForm } from "./link-panel.ts";
import { olderLink } from "./older-link.ts";
import { shareLink } from "./runs-table.ts";
import { longCell } from "./table-cell.ts";

const STATES: Readonly<Record<SharesQuery["state"], string>> = { open: "open", ended: "ended", all: "all" };
const COLUMNS = ["File", "Rule", "Leads to", "How it stands", "Accesses", "Made"];

/** The links people were given, the newest first. */
export function sharesPage({ shares, next }: ShareList, asked: SharesQuery, reader: Reader): Markup {
  const { state, rule, limit } = asked;
  return layout(
    "Shares",
    html`<h1>Shares</h1>
<form method="get" action="/shares" class="search">
<label>Links that are <select name="state">${Object.entries(STATES).map(
      ([value, name]) => html`<option value="${value}"${value === state ? " selected" : ""}>${name}</option>`,
    )}</select></label>
<label>of rule <input name="rule" value="${rule ?? ""}" maxlength="63"></label> <button>Show</button></form>
<div id="shares" data-live>
${shares.length === 0 ? html`<p class="soft">No such links.</p>` : sharesTable(shares)}
${olderLink("Older links", "/shares", next, { state, rule, limit })}
</div>`,
    reader,
  );
}

const sharesTable = (shares: ShareList["shares"]): Markup => html`<div class="scroll"><table class="stack">
<caption class="soft">A link is a share, a durable link to a file, or a folder in the web app</caption>
<thead><tr>${COLUMNS.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${shares.map(
  (link) => html`<tr>
${longCell("File", html`<a href="/shares/${link.run}">${filesWords(link)}</a>`)}
<td data-label="Rule">${link.rule}</td>
<td data-label="Leads to">${shareLink({ share: link.url, deliveredAs: link.deliveredAs, shadow: false })}</td>
<td data-label="How it stands">${linkWords(link)}</td>
<td data-label="Accesses">${link.accesses}</td>
<td data-label="Made">${timeOf(link.madeAtMs)}</td>
</tr>`,
)}</tbody></table></div>`;

/** One link: for whom it was made, who used it, and how to close it. */
export function sharePage(link: ShareStory, reader: Reader): Markup {
  const facts: readonly (readonly [string, Markup | string])[] = [
    ["Leads to", shareLink({ share: link.url, deliveredAs: link.deliveredAs, shadow: false })],
    ["How it stands", linkWords(link)],
    ["Run", html`<a href="/runs/${link.run}">${filesWords(link)}</a>`],
    ["Rule", html`<a href="/runs?rule=${link.rule}">${link.rule}</a>`],
    ["Invited", link.invited.length === 0 ? "nobody by e-mail" : link.invited.join(", ")],
    ["Made", timeOf(link.madeAtMs)],
    ["Id", link.share],
  ];
  return layout(
    `Link to ${filesWords(link)}`,
    html`<h1>Link to ${filesWords(link)}</h1>
${isEnough(reader.role, "operator") ? revokeForm(link) : ""}
<div class="scroll" id="link" data-live><table><tbody>${facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>
<h2>Who opened it</h2>
<div id="accesses" data-live>${accessTable(link.accesses)}</div>`,
    reader,
  );
}
