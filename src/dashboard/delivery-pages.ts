import { html } from "hono/html";
import {
  DELIVERY_VERDICTS,
  type DeliveriesQuery,
  type DeliveryList,
  type DeliveryStory,
  type DeliverySummary,
  REFUSAL_KINDS,
  type ToldSecret,
} from "../../handlers/read-deliveries.ts";
import { sizeOf, timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { longSpanOf } from "./long-span.ts";
import { olderLink } from "./older-link.ts";
import { cell, headOf, longCell, numberCell } from "./table-cell.ts";

const PERIODS = { "": "any time", "1": "the last hour", "24": "the last day", "168": "the last week" } as const;
const ROUTES: Readonly<Record<string, string>> = { fastio: "webhook", edge: "edge worker" };

/** What was posted, the newest first, with counts of what was refused. */
export function deliveriesPage(
  { deliveries, refusals, next }: DeliveryList,
  { verdict, reason, hours, limit }: DeliveriesQuery,
  reader: Reader,
): Markup {
  return layout(
    "Deliveries",
    html`<h1>Deliveries</h1>
<form method="get" action="/deliveries" class="filters">
${choice("Verdict", "verdict", verdict ?? "", { "": "any", ...Object.fromEntries(DELIVERY_VERDICTS.map((one) => [one, one])) })}
${choice("Refused for", "reason", reason ?? "", { "": "anything", ...Object.fromEntries(REFUSAL_KINDS.map((one) => [one, one.replace("_", " ")])) })}
${choice("Came in", "hours", hours === undefined ? "" : String(hours), PERIODS)}
<button>Show</button></form>
${reader.role === "viewer" ? "" : html`<p><a href="/deliveries/check">Would this signature match?</a></p>`}
<div id="refusals" data-live>${refusalTable(refusals)}</div>
<div id="deliveries" data-live>${
      deliveries.length === 0
        ? html`<p class="soft">None. Where Fast.io sends no webhooks, catch-up finds the files, and nothing is posted here.</p>`
        : html`<table class="stack"><caption>Deliveries, the newest first</caption>
<thead><tr><th scope="col">Came</th><th scope="col">Verdict</th><th scope="col">By</th><th scope="col">Events</th><th scope="col">Size</th><th scope="col">Signed</th></tr></thead>
<tbody>${deliveries.map(deliveryRow)}</tbody></table>`
    }</div>
${olderLink("Older deliveries", "/deliveries", next, { verdict, reason, hours, limit })}`,
    reader,
  );
}

const deliveryRow = (one: DeliverySummary): Markup => html`<tr>
<td><a href="/deliveries/${one.id}">${timeOf(one.receivedAtMs)}</a></td>
<td><span class="status ${one.verdict}">${one.verdict}</span>${one.refused === null ? "" : html`<br><span class="soft">${one.refused.why}</span>`}</td>
<td data-label="By">${ROUTES[one.route] ?? one.route}</td><td data-label="Events">${one.events}</td><td data-label="Size">${sizeOf(one.bodyBytes)}</td>
<td data-label="Signed">${one.scheme ?? "–"}${one.secretPrint === null ? "" : html`<br><code>${one.secretPrint}</code>`}</td></tr>`;

function choice(label: string, name: string, chosen: string, values: Readonly<Record<string, string>>): Markup {
  // A period that somebody wrote into the address by hand.
  const known = Object.hasOwn(values, chosen) ? values : { ...values, [chosen]: `the last ${chosen} hours` };
  return html`<label>${label} <select name="${name}">${Object.entries(known).map(
    ([value, words]) => html`<option value="${value}"${value === chosen ? html` selected` : ""}>${words}</option>`,
  )}</select></label>`;
}

function refusalTable({ sinceMs, reasons }: DeliveryList["refusals"]): Markup {
  if (reasons.length === 0) return html`<p class="soft">None was refused since ${timeOf(sinceMs)}.</p>`;
  return html`<div class="scroll"><table class="stack"><caption>Refused since ${timeOf(sinceMs)}: all are counted, at most 60 a minute kept</caption>
${headOf(["Counted#", "Kept#", "Why", "What to do"])}
<tbody>${reasons.map(
    ({ counted, kept, reason, why, nextAction }) =>
      html`<tr>${numberCell("Counted", counted)}${numberCell("Kept", kept)}${cell("Why", html`${why}<br><span class="soft">${reason}</span>`)}${cell("What to do", nextAction)}</tr>`,
  )}</tbody></table></div>`;
}

/** One delivery: what was decided of it and why, how it was signed, and what it brought. */
export function deliveryPage(one: DeliveryStory, reader: Reader): Markup {
  const facts: readonly (readonly [string, Markup | string])[] = [
    ["Verdict", html`<span class="status ${one.verdict}">${one.verdict}</span>`],
    ["Came", timeOf(one.receivedAtMs)],
    ["By", ROUTES[one.route] ?? one.route],
    [
      "Body",
      one.bodyBytes < 1_024
        ? sizeOf(one.bodyBytes)
        : `${sizeOf(one.bodyBytes)} (${one.bodyBytes.toLocaleString("en")} bytes)`,
    ],
    ["SHA-256 of the body", one.bodyHash ?? "– (it was not read to its end)"],
    ["Signed as", one.scheme === null ? "–" : `${one.scheme}${one.keyForm === null ? "" : `, key: ${one.keyForm}`}`],
    ["Secret", one.secret === null ? "–" : secretWords(one.secret, one.receivedAtMs)],
    ["Sender's id", one.senderDeliveryId ?? "–"],
  ];
  return layout(
    "Delivery",
    html`<h1>Delivery of ${timeOf(one.receivedAtMs)}</h1>
${one.refused === null ? "" : html`<p class="note">${one.refused.why}<br>${one.refused.nextAction} ${reader.role === "viewer" ? "" : html`<a href="/deliveries/check">Check a signature.</a>`}</p>`}
<div class="scroll"><table><caption>What is known of ${one.id}</caption><tbody>${facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>
<div id="brought" data-live>${broughtTable(one)}</div>
<h2>Headers</h2>
${
  one.headers === null
    ? html`<p class="soft">They were not kept when it came.</p>`
    : html`<div class="scroll"><table><caption>As they may be shown: of signatures the form, of unknown headers the length</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead>
<tbody>${one.headers.map(({ name, value }) => html`<tr><td>${name}</td><td>${value}</td></tr>`)}</tbody></table></div>`
}`,
    reader,
  );
}

function broughtTable({ events, told }: DeliveryStory): Markup | string {
  if (events === 0) return "";
  return html`<h2>What it brought</h2><div class="scroll"><table class="stack"><caption>Events${events > told.length ? `, the first ${told.length} of ${events}` : ""}</caption>
${headOf(["Event", "File", "Status", "Runs"])}
<tbody>${told.map(
    ({
      key,
      type,
      file,
      status,
      runs,
    }) => html`<tr>${cell("Event", type === null ? "forgotten" : html`<a href="/events/${key}">${type}</a>`)}${longCell("File", file ?? "–")}${cell("Status", status ?? "–")}
<td data-label="Runs">${runs.length === 0 ? "–" : runs.map((run) => html`<a href="/runs/${run.id}">${run.rule}</a> <span class="status ${run.status}">${run.status}</span> `)}</td></tr>`,
  )}</tbody></table></div>`;
}

/** @param atMs as of when its age is told @param before what that is called; `ago`: it is now */
export function secretWords(
  { print, live, firstSeenMs }: ToldSecret,
  atMs: number,
  before: "before" | "ago" = "before",
): string {
  const age =
    firstSeenMs === null ? "not seen before" : `first seen ${longSpanOf(Math.max(0, atMs - firstSeenMs))} ${before}`;
  return `${print}, ${age}, ${live ? "live" : "not live any more"}`;
}
