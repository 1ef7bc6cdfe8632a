import { html } from "hono/html";
import type { Overview } from "../../handlers/overview-schemas.ts";
import { timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { ageOf, appsTable, drainOf, endedTable, rulesTable } from "./overview-tables.ts";
import { runsTable } from "./runs-table.ts";
import { sourcesTable } from "./sources-table.ts";

/** How the relay fares, and what needs a person. */
export function overviewPage(overview: Overview, reader: Reader): Markup {
  return layout(
    "Overview",
    html`<h1>Overview</h1>
<div id="figures" data-live>${figures(overview)}</div>
<section id="for-people" data-live aria-labelledby="for-people-heading">${forPeople(overview)}</section>
<section id="apps" data-live aria-labelledby="apps-heading"><h2 id="apps-heading">Dify apps</h2>${appsTable(overview)}</section>
<section id="rules" data-live aria-labelledby="rules-heading"><h2 id="rules-heading">Rules</h2>${rulesTable(overview)}</section>
<section id="latest" data-live aria-labelledby="latest-heading"><h2 id="latest-heading">Latest runs</h2>
${runsTable(overview.latest)}</section>
<section id="sources" data-live aria-labelledby="sources-heading"><h2 id="sources-heading">How events came</h2>
${sourcesTable(overview.sources, overview.readAtMs)}</section>`,
    reader,
  );
}

function figures(overview: Overview): Markup {
  const { readAtMs, open, drainMs, backlog } = overview;
  const oldestMs = [open.oldestMs, backlog.oldestMs].filter((one) => one !== null);
  return html`<ul class="tiles">
${tile("/runs?status=queued", String(open.waiting), "wait")}
${tile(undefined, ageOf(oldestMs.length === 0 ? null : Math.min(...oldestMs), readAtMs), "the oldest waits")}
${tile(undefined, drainOf(drainMs), "until none waits")}
${tile("/runs?status=running", String(open.atWork), "at work")}
${tile("/runs?status=paused", String(open.paused), "wait for a person")}
${tile("/runs?status=held", String(open.held), "held")}
${backlog.count === 0 ? "" : tile("/events", String(backlog.count), backlog.count === 1 ? "event not looked at" : "events not looked at")}
</ul>
${endedTable(overview)}`;
}

const tile = (href: string | undefined, figure: string, words: string): Markup =>
  html`<li>${href === undefined ? html`<b>${figure}</b>${words}` : html`<a href="${href}"><b>${figure}</b>${words}</a>`}</li>`;

/** What goes on only when somebody does something. */
function forPeople(overview: Overview): Markup {
  const { pausedRules, pausedApps, holds, waitForPeople, failedLately, lastDay, open } = overview;
  const isInForce = (rule: string): boolean => overview.rules.some((one) => one.name === rule && one.isInForce);
  // What passes by itself, as an outage, says nothing of what to do.
  const unread = overview.sources.workspaces.filter(({ error, nextAction }) => error !== null && nextAction !== null);
  const unchecked = overview.sources.workspaces.filter(({ checkNextAction }) => checkNextAction !== null);
  const waiting = [pausedRules, pausedApps, unread, unchecked, holds, waitForPeople, failedLately];
  const isQuiet = waiting.every(({ length }) => length === 0);
  return html`<h2 id="for-people-heading">What needs a person</h2>
${isQuiet ? html`<p class="soft">Nothing.</p>` : ""}
${pausedRules.map(
  ({ name, reason, nextAction, changedBy, sinceMs }) =>
    html`<p class="note">Rule <b>${name}</b> is paused: ${reason ?? "no reason given"}${nextAction ? html`<br>${nextAction}` : ""}<br><span class="soft">since ${timeOf(sinceMs)}, by ${changedBy}${isInForce(name) ? html`; <a href="/rules#rule-${name}">let it go on</a>` : ""}</span></p>`,
)}
${unread.map(
  ({ workspaceName, workspaceId, failingSinceMs, error, nextAction }) =>
    html`<p class="note">The workspace <b>${workspaceName ?? workspaceId}</b> cannot be read: ${error}<br>${nextAction}<br><span class="soft">since ${timeOf(failingSinceMs)}; <a href="/rules">the rules</a></span></p>`,
)}
${unchecked.map(
  ({ workspaceName, workspaceId, checkFailingSinceMs, checkError, checkNextAction }) =>
    html`<p class="note">What the feed leaves out of the workspace <b>${workspaceName ?? workspaceId}</b> cannot be searched for: ${checkError}<br>${checkNextAction}<br><span class="soft">since ${timeOf(checkFailingSinceMs)}</span></p>`,
)}
${pausedApps.map(
  ({ app, keys, reason, changedBy, sinceMs }) =>
    html`<p class="note">The Dify app <b>${keys.length === 0 ? app : keys.join(", ")}</b> is paused${reason === null ? "" : `: ${reason}`}<br><span class="soft">since ${timeOf(sinceMs)}, by ${changedBy}; <a href="/rules#apps">let it go on</a></span></p>`,
)}
${holds.map(
  ({ ruleName, count, oldestMs, reason, nextAction }) =>
    html`<p class="note"><a href="/runs?${new URLSearchParams({ status: "held", rule: ruleName })}"><b>${count}</b> ${count === 1 ? "run is" : "runs are"} held</a> of the rule <b>${ruleName}</b>, the oldest since ${timeOf(oldestMs)}${reason ? html`: ${reason}` : ""}${nextAction ? html`<br>${nextAction}` : ""}</p>`,
)}
${waitForPeople.length === 0 ? "" : html`<h3>Paused${moreOf(waitForPeople.length, open.paused, "paused")}</h3>${runsTable(waitForPeople)}`}
${failedLately.length === 0 ? "" : html`<h3>Failed in the last 24 hours${moreOf(failedLately.length, lastDay.failed, "failed")}</h3>${runsTable(failedLately)}`}`;
}

const moreOf = (shown: number, all: number, status: string): Markup | string =>
  all > shown ? html` <a href="/runs?status=${status}">all ${all}</a>` : "";
