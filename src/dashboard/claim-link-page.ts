import { html } from "hono/html";
import { timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";

/** Shows a claim link, once: it is not in the ledger, the log or the address of this page. */
export function claimLinkPage(
  offer: { readonly run: string; readonly org: string; readonly claimUrl: string; readonly expiresAtMs: number },
  reader: Reader,
): Markup {
  return layout(
    "Claim link",
    html`<h1>Claim link</h1>
<p>Whoever opens this link becomes the owner of the organisation ${offer.org}, with everything in it. The relay's account stays its admin.</p>
<p><code>${offer.claimUrl}</code></p>
<p class="note">It is shown this once and good until ${timeOf(offer.expiresAtMs)}. Hand it to the one person it is for.</p>
<p><a href="/runs/${offer.run}">Back to the run</a></p>`,
    reader,
  );
}

/** The offer of a run whose rule ends in a handoff, and for admins the way to make one. */
export function handoffPanel(
  run: string,
  handoff: { readonly expiresAtMs: number | null; readonly askedBy: string | null },
  mayOffer: boolean,
): Markup {
  const { expiresAtMs, askedBy } = handoff;
  const words =
    expiresAtMs === null
      ? "Ready to hand over: an admin makes the claim link for the person who is to have the organisation."
      : `Offered until ${timeOf(expiresAtMs)} by a link that ${askedBy ?? "somebody"} was shown.`;
  const [name, button, query] =
    expiresAtMs === null
      ? ["Make the claim link…", "Make it", ""]
      : ["Make a new claim link…", "Take the old one back and make a new one", "?replace=true"];
  return html`<p class="note">${words}</p>${
    mayOffer
      ? html`<div class="actions"><details><summary>${name}</summary><form method="post" action="/runs/${run}/claim-link${query}">
<p>Whoever opens it becomes the owner of the whole organisation. It is shown once and lives 72 hours.</p>
<label>Reason <input name="reason" maxlength="200"></label> <button>${button}</button></form></details></div>`
      : ""
  }`;
}
