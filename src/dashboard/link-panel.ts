import { html } from "hono/html";
import type { AccessList, ShareSummary } from "../../handlers/share-schemas.ts";
import { timeOf } from "../text/figures.ts";
import { confirmForm } from "./confirm-form.ts";
import type { Markup } from "./layout.ts";
import { cell, headOf, longCell } from "./table-cell.ts";

/** How a link stands, in a line. */
export function linkWords(link: ShareSummary): string {
  const { closedAtMs, closeAskedAtMs, closeAskedBy, closeReason, closeError, endsAtMs, endsBy, state } = link;
  const asked =
    closeAskedAtMs === null
      ? ""
      : `, asked by ${closeAskedBy ?? "somebody"}${closeReason === null ? "" : `: ${closeReason}`}`;
  if (closedAtMs !== null) return `closed at ${timeOf(closedAtMs)}${asked || ", its time had come"}`;
  const hindered = closeError === null ? "" : `; it could not be closed yet: ${closeError}`;
  if (closeAskedAtMs !== null) return `being closed${asked}${hindered}`;
  if (endsAtMs === null) return "open, without an end";
  if (state === "ended") return `ended at ${timeOf(endsAtMs)}`;
  return `open until ${timeOf(endsAtMs)}, then ended by ${endsBy === "relay" ? "the relay" : "Fast.io"}${hindered}`;
}

/** Lets an operator close a link, asked for twice. */
export function revokeForm(link: ShareSummary): Markup | string {
  if (link.state === "ended" || link.closeAskedAtMs !== null) return "";
  return html`<div class="actions">${confirmForm({
    action: `/shares/${link.run}/revoke`,
    name: "Close the link…",
    consequence:
      "Nobody outside of the workspace can open it any more, and invitations are taken back. The files stay. A replay of the run opens it again.",
    yes: "Yes, close it",
  })}</div>`;
}

/** Who opened or took what was delivered. */
export function accessTable({ count, latest }: AccessList): Markup {
  if (count === 0) return html`<p class="soft">Nobody yet, as far as Fast.io tells.</p>`;
  const more =
    count > latest.length
      ? html`<p class="soft">The latest ${latest.length} of ${count}; relay audit export tells all.</p>`
      : "";
  return html`<div class="scroll"><table class="stack">${headOf(["When", "Who", "Did", "What"])}
<tbody>${latest.map((access) => html`<tr>${cell("When", timeOf(access.atMs))}${cell("Who", access.who)}${cell("Did", access.did)}${longCell("What", access.what ?? "–")}</tr>`)}</tbody></table></div>${more}`;
}
