import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { type Identity, isEnough, whoOf } from "../../handlers/access.ts";
import type { Role } from "../config.ts";
import { plainMarkup } from "../text/unseen.ts";
import { addressOf, LIVE_SCRIPT, STYLE_SHEET } from "./assets.ts";

export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Who reads a page, at which path, and when they asked for it in milliseconds since the epoch. */
export type Reader = Identity & {
  readonly path: string;
  readonly atMs: number;
  /** How many alerts are open. */
  readonly alerts: number;
};

/** The pages, in the order in which the header names them, and whom they are for. */
const NAV: readonly { readonly href: string; readonly name: string; readonly role: Role }[] = [
  { href: "/", name: "Overview", role: "viewer" },
  { href: "/runs", name: "Runs", role: "viewer" },
  { href: "/events", name: "Events", role: "viewer" },
  { href: "/deliveries", name: "Deliveries", role: "viewer" },
  { href: "/rules", name: "Rules", role: "viewer" },
  { href: "/webhooks", name: "Webhooks", role: "viewer" },
  { href: "/shares", name: "Shares", role: "viewer" },
  { href: "/alerts", name: "Alerts", role: "viewer" },
  { href: "/audit", name: "Audit", role: "operator" },
  { href: "/queues", name: "Queues", role: "operator" },
];

/**
 * The frame of every page. What changes on it is kept up to date in elements with `data-live` and an `id`; see
 * `assets/live.js` for what the attribute may say.
 * @param reader who is logged in; undefined: nobody, as far as this page knows
 */
export function layout(title: string, content: Markup, reader: Reader | undefined): Markup {
  return withoutUnseen(html`<!doctype html>
<html lang="en"${reader === undefined ? "" : html` data-at="${reader.atMs}"`}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${addressOf(STYLE_SHEET)}">
${reader === undefined ? "" : html`<script type="module" src="${addressOf(LIVE_SCRIPT)}"></script>`}
<title>${title} · relay</title>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><strong>relay</strong>${reader === undefined ? "" : headerOf(reader)}</header>
<main id="main" tabindex="-1">${content}</main>
</body>
</html>`);
}

/** Here, once for all pages: what files are called is not to turn around or hide what stands beside it. */
function withoutUnseen(markup: Markup): Markup {
  return markup instanceof Promise ? markup.then(withoutUnseen) : raw(plainMarkup(markup.toString()), markup.callbacks);
}

function headerOf(reader: Reader): Markup {
  const isHere = (href: string): boolean =>
    reader.path === href || (href !== "/" && reader.path.startsWith(`${href}/`));
  const entries = NAV.filter(({ role }) => isEnough(reader.role, role));
  return html`<nav aria-label="Pages"><ul>${entries.map(
    ({ href, name }) => html`<li><a href="${href}"${isHere(href) ? html` aria-current="page"` : ""}>${name}</a></li>`,
  )}</ul></nav>
<p class="alarm" id="alarm" data-live="alerts">${
    reader.alerts === 0 ? "" : html`<a href="/alerts">${reader.alerts} ${reader.alerts === 1 ? "alert" : "alerts"}</a>`
  }</p>
<p class="live" id="live-status" role="status"></p>
<form class="who" method="post" action="/logout"><span>${whoOf(reader)}</span> <button>Log out</button></form>`;
}
