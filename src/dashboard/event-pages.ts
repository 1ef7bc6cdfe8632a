import { html } from "hono/html";
import type { EventList, EventStory, EventSummary, EventsQuery } from "../../handlers/read-events.ts";
import { counted, timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { olderLink } from "./older-link.ts";
import { runsTable } from "./runs-table.ts";
import { cell, headOf, longCell, wholeCell } from "./table-cell.ts";

/** What an event is called where nobody read its file's name. */
const nameOf = ({ file, nodeId, key }: EventSummary): string => file ?? nodeId ?? key;

const NONE_ABOUT =
  "No event tells of it: Fast.io has not told the relay, or it is not a kind of event that the relay takes in.";

/** Events, the newest first, and a field to look for what became of a file. */
export function eventsPage({ events, next, searchedToMs }: EventList, query: EventsQuery, reader: Reader): Markup {
  const { about, which, limit } = query;
  return layout(
    "Events",
    html`<h1>What became of my file?</h1>
<form method="get" action="/events"><label>Name of the file, node id or event <input name="about" value="${about ?? ""}" size="50"></label> <button>Look</button></form>
${about === undefined ? choice(which) : ""}
<div id="events" data-live="events">${events.length === 0 ? html`<p class="soft">${noneOf(query)}</p>` : eventsTable(events)}
${searchedToMs === null ? "" : html`<p>Looked through all events since ${timeOf(searchedToMs)}.</p>`}
${olderLink(searchedToMs === null ? "Older events" : "Look further back", "/events", next, about === undefined ? { which, limit } : { about, limit })}
</div>`,
    reader,
  );
}

function noneOf({ about, which, before }: EventsQuery): string {
  if (before !== undefined) return "No older event.";
  return about !== undefined ? NONE_ABOUT : which === "all" ? "No events yet." : "No such events yet.";
}

const choice = (which: EventsQuery["which"]): Markup =>
  which === "all"
    ? html`<p><a href="/events">Files that rules were asked about</a> · <b>All events</b></p>`
    : html`<p><b>Files that rules were asked about</b> · <a href="/events?which=all">All events</a> <span class="soft">also what no rule listens to, and what the relay did itself</span></p>`;

const eventsTable = (events: EventList["events"]): Markup => html`<div class="scroll"><table class="stack">
${headOf(["File", "Event", "Status", "Came", "What became of it"])}
<tbody>${events.map(
  (event) => html`<tr>
${longCell("File", html`<a href="/events/${event.key}">${nameOf(event)}</a><br><span class="soft">${event.folder ?? ""}</span>`)}
${cell("Event", html`${event.type} <span class="soft">${event.source}</span>`)}
${cell("Status", event.status)}
${wholeCell("Came", timeOf(event.receivedAtMs))}
${longCell("What became of it", outcomeOf(event))}
</tr>`,
)}</tbody></table></div>`;

/** Of one that is routed, which rules made no run of it is of second interest. */
function outcomeOf(event: EventSummary): Markup | string {
  const { status, key, reasons, runCount } = event;
  if (status !== "routed") return reasons.length === 0 ? "–" : whyList(event);
  const runs = html`<a href="/events/${key}">${runCount === 0 ? "no run" : counted(runCount, "run")}</a>`;
  if (reasons.length === 0) return runs;
  return html`${runs}<details><summary>${counted(reasons.length, "rule")} made no run of it</summary>${whyList(event)}</details>`;
}

/** One event: the runs it made, and why rules made none. */
export function eventPage(event: EventStory, reader: Reader): Markup {
  const facts: readonly (readonly [string, Markup | string])[] = [
    ["Status", event.status],
    ["Event", `${event.type} (${event.rawType}, by ${event.source})`],
    ["File", event.file === null ? "–" : `${event.folder === "/" ? "" : (event.folder ?? "")}/${event.file}`],
    ["Node", event.nodeId ?? "–"],
    ["Workspace", event.workspaceId ?? "–"],
    ...(event.shareId === null ? [] : [["Share", event.shareId] as const]),
    ["User", event.actorUserId ?? "–"],
    ["Happened", timeOf(event.occurredAtMs)],
    [
      "Came",
      event.deliveryId === null
        ? timeOf(event.receivedAtMs)
        : html`<a href="/deliveries/${event.deliveryId}">${timeOf(event.receivedAtMs)}</a>`,
    ],
    ["Routed", timeOf(event.routedAtMs)],
  ];
  return layout(
    nameOf(event),
    html`<h1>${nameOf(event)}</h1>
<div id="event" data-live="events runs"><div class="scroll"><table><tbody>${facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>
${event.runs.length === 0 ? "" : html`<h2>Runs</h2>${runsTable(event.runs)}`}
${event.reasons.length === 0 ? "" : html`<h2>${reasonsHeading(event)}</h2>${whyList(event)}`}</div>`,
    reader,
  );
}

function reasonsHeading({ status, runs }: EventStory): string {
  if (status === "accepted") return "What it waits for";
  return runs.length === 0 ? "Why no run" : "Rules that made no run of it";
}

const whyList = ({ reasons }: EventSummary): Markup =>
  html`<ul class="reasons">${reasons.map(({ rule, reason }) => html`<li>${rule === "*" ? "" : html`<b>${rule}</b>: `}${reason}</li>`)}</ul>`;
