import { afterAll, beforeAll, expect, test } from "vitest";
import { EventList, EventsQuery } from "../../../handlers/read-events.ts";
import { eventsPage } from "../../../src/dashboard/event-pages.ts";
import type { Reader } from "../../../src/dashboard/layout.ts";
import { closeEvent } from "../../../src/ledger/event-queries.ts";
import { listAskedEvents } from "../../../src/ledger/search-events.ts";
import { createRuns } from "../../support/create-runs.ts";
import { givenEvent, givenRun } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import { bearer, openReceiver, type Receiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

const NODE = "26n2i-xygnf-vorvt-lhy3w-5laen-oybp";

let receiver: Receiver;
const db = () => receiver.ledger.db;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());

const get = (path: string): Promise<Response> => fetch(`${receiver.url}${path}`, { headers: bearer(VIEWER) });

const json = async (path: string): Promise<unknown> => (await get(path)).json();

const FILE = { name: "Offer <b>.PDF", folderPath: "/Inbox", workspaceId: "3" };
const REASON = 'file name "Offer <b>.PDF" does not match *.csv';

test("pages without runs and events say so, each once", async () => {
  const runs = await (await get("/runs")).text();
  expect(runs).toContain("No runs yet.");
  expect(runs).not.toContain("No such run");
  const narrowed = await (await get("/runs?q=offer")).text();
  expect(narrowed).toContain("No such run");
  expect(narrowed).not.toContain("No runs yet.");
  expect(await (await get("/events")).text()).toContain("No such events yet.");
  expect(await (await get("/events?which=all")).text()).toContain("No events yet.");
});

test("what became of a file that no rule wanted is told by its name, its node however spelled, and its event", async () => {
  const key = await givenEvent(db(), { workspaceId: "3", objectId: NODE });
  await closeEvent(db(), key, { status: "ignored", reasons: { tables: REASON }, file: FILE }, NOW_MS);
  for (const about of [key, NODE, NODE.replaceAll("-", "").toUpperCase(), "offer <B>.pdf"]) {
    const told = await json(`/api/events?about=${encodeURIComponent(about)}`);
    expect(told).toMatchObject({
      events: [{ key, status: "ignored", file: FILE.name, reasons: [{ rule: "tables", reason: REASON }], runCount: 0 }],
    });
    const page = await (await get(`/events?about=${encodeURIComponent(about)}`)).text();
    expect(page).toContain("does not match *.csv");
    expect(page).not.toContain("<b>.PDF");
  }
  expect(await json(`/api/events/${key}`)).toMatchObject({ key, nodeId: NODE, runs: [] });
  expect(await (await get(`/events/${key}`)).text()).toContain("Why no run");
  expect(await json("/api/events?about=nothing-of-the-sort")).toMatchObject({ events: [] });
});

test("the page leaves out what no rule was asked about until all events are asked for", async () => {
  const told = {
    own: { "*": "the relay placed this file itself" },
    unheard: { "*": "no rule listens to share.created" },
    gone: { "*": "the file is gone" },
    unwanted: { tables: REASON },
  };
  for (const [name, reasons] of Object.entries(told)) {
    const key = await givenEvent(db(), { workspaceId: "3", objectId: `2${name}` });
    await closeEvent(db(), key, { status: "ignored", reasons, file: { ...FILE, name: `${name}.txt` } }, NOW_MS);
  }
  await givenEvent(db(), { workspaceId: "3", objectId: "2waiting" });
  const listed = async (path: string): Promise<readonly string[]> => {
    const text = await (await get(path)).text();
    return [...Object.keys(told), "2waiting"].filter((name) => text.includes(name));
  };
  const asked = ["gone", "unwanted", "2waiting"];
  const all = [...Object.keys(told), "2waiting"];
  expect(await listed("/events")).toEqual(asked);
  expect(await listed("/events?which=all")).toEqual(all);
  expect(await listed("/events?about=own.txt")).toEqual(["own"]);
  expect(await listed("/api/events")).toEqual(all);
  expect(await listed("/api/events?which=asked")).toEqual(asked);
});

test("events are told a page at a time, each once, of a file as of all", async () => {
  const nodeId = "2paged";
  // Some came at the same moment.
  const keys = await Promise.all(
    [0, 0, 0, 1, 1].map((ms) => givenEvent(db(), { objectId: nodeId, receivedAtMs: NOW_MS + ms })),
  );
  const pagesOf = async (query: string): Promise<readonly (readonly string[])[]> => {
    const pages: (readonly string[])[] = [];
    for (let next: string | null = ""; next !== null; ) {
      const page = EventList.parse(await json(`/api/events?${query}&limit=2${next && `&before=${next}`}`));
      pages.push(page.events.map(({ key }) => key));
      next = page.next;
    }
    return pages;
  };
  const ofFile = await pagesOf(`about=${nodeId}`);
  expect(ofFile.map(({ length }) => length)).toEqual([2, 2, 1]);
  expect(ofFile[0]?.toSorted()).toEqual(keys.slice(3).toSorted());
  expect(ofFile.flat().toSorted()).toEqual(keys.toSorted());
  for (const which of ["all", "asked"]) {
    const told = (await pagesOf(`which=${which}`)).flat();
    expect(new Set(told).size).toBe(told.length);
    expect(told.filter((key) => keys.includes(key))).toEqual(ofFile.flat());
  }

  const page = await (await get(`/events?about=${nodeId}&limit=2`)).text();
  const [, older = ""] = /<a rel="next" href="([^"]+)">Older events<\/a>/.exec(page) ?? [];
  const second = await (await get(older.replaceAll("&amp;", "&"))).text();
  expect(keys.filter((key) => second.includes(key)).toSorted()).toEqual(ofFile[1]?.toSorted());
  expect(await (await get(`/events?about=${nodeId}`)).text()).not.toContain('rel="next"');
  expect(await (await get(`/events?about=${nodeId}&before=1-ev-none`)).text()).toContain("No older event.");
});

test("a place that is none is refused by the API and left out by the page", async () => {
  for (const place of ["x", "1-", "1-run", "9".repeat(30)]) {
    const answer = await get(`/api/events?before=${place}`);
    expect([answer.status, await answer.json()]).toMatchObject([400, { faults: [{ in: "query", name: "before" }] }]);
    expect((await get(`/events?before=${place}`)).status).toBe(200);
  }
});

test("where nobody was asked about any of many events, the list tells how far it looked, and goes on from there", async () => {
  const unheard = { status: "ignored", reasons: { "*": "no rule listens to share.created" } } as const;
  const beforeMs = NOW_MS - 1_000_000;
  const wanted = await givenEvent(db(), { objectId: "2wanted", receivedAtMs: beforeMs });
  for (const ms of [1, 2, 3, 4]) {
    await closeEvent(db(), await givenEvent(db(), { receivedAtMs: beforeMs + ms }), unheard, NOW_MS);
  }
  const after = { receivedAtMs: beforeMs + 5, key: "ev-none" };
  const first = await listAskedEvents(db(), { after, limit: 10 }, 3);
  expect(first).toMatchObject({ rows: [], next: { receivedAtMs: beforeMs + 2 }, searchedToMs: beforeMs + 2 });
  const second = await listAskedEvents(db(), { after: first.next ?? undefined, limit: 10 }, 3);
  expect(second).toMatchObject({ rows: [{ key: wanted }], next: null, searchedToMs: null });
  const reader: Reader = { role: "viewer", name: "anna", path: "/events", atMs: NOW_MS, alerts: 0 };
  const query = EventsQuery.parse({ which: "asked" });
  const page = eventsPage({ events: [], next: "2-ev-1", searchedToMs: NOW_MS }, query, reader);
  expect(String(page)).toContain("Looked through all events since");
  expect(String(page)).toContain('<a rel="next" href="/events?which=asked&amp;before=2-ev-1">Look further back</a>');
});

test("events that come while a page is made do not let the next page tell an event again", async () => {
  const beforeMs = NOW_MS - 2_000_000;
  const wanted = await givenEvent(db(), { receivedAtMs: beforeMs + 1 });
  await givenEvent(db(), { receivedAtMs: beforeMs });
  for (const ms of [2, 3]) {
    const unheard = { status: "ignored", reasons: { "*": "no rule listens to share.created" } } as const;
    await closeEvent(db(), await givenEvent(db(), { receivedAtMs: beforeMs + ms }), unheard, NOW_MS);
  }
  const after = { receivedAtMs: beforeMs + 5, key: "ev-none" };
  let statements = 0;
  const between = new Proxy(db(), {
    get(target, name) {
      if (name !== "select") return Reflect.get(target, name);
      return (...fields: []) => {
        statements += 1;
        const asked = target.select(...fields);
        return statements === 3 ? afterOneMore(asked) : asked;
      };
    },
  });
  /** What is asked by this sees an event that the statement before did not. */
  const afterOneMore = <Asked extends object>(asked: Asked): Asked =>
    new Proxy(asked, {
      get(target, name) {
        const found = Reflect.get(target, name);
        if (name === "then")
          return (...told: Parameters<Promise<unknown>["then"]>) =>
            givenEvent(db(), { receivedAtMs: beforeMs + 4 })
              .then(() => target as PromiseLike<unknown>)
              .then(...told);
        return typeof found === "function" ? (...args: unknown[]) => afterOneMore(found.apply(target, args)) : found;
      },
    });
  const first = await listAskedEvents(between, { after, limit: 10 }, 3);
  expect(first.rows.map(({ key }) => key)).toEqual([wanted]);
  const second = await listAskedEvents(db(), { after: first.next ?? undefined, limit: 10 }, 3);
  expect(second.rows.map(({ receivedAtMs }) => receivedAtMs)).toEqual([beforeMs]);
});

test("an event tells the runs it made beside the reasons of the other rules", async () => {
  const key = await givenEvent(db(), { workspaceId: "3", objectId: "2other" });
  const run = { ...runNamed("r-made"), eventKey: key };
  // A file that joins a batch: the run is of another event.
  const batch = { ...run.rule, name: "batches", run: { ...run.rule.run, group: "batch" as const } };
  const first = { ...runNamed("r-batch"), ruleName: batch.name, rule: batch };
  await createRuns(db(), "ev-of-another", [first], { status: "routed", reasons: {} }, NOW_MS);
  const joins = { ...first, id: "r-joins", eventKey: key, nodeId: "node-joins" };
  await createRuns(db(), key, [run, joins], { status: "routed", reasons: { tables: REASON }, file: FILE }, NOW_MS);
  expect(await json(`/api/events/${key}`)).toMatchObject({
    status: "routed",
    runCount: 2,
    runs: [{ rule: "batches" }, { id: run.id, rule: run.ruleName }],
    reasons: [{ rule: "tables" }],
  });
  expect(await json("/api/events?limit=1")).toMatchObject({ events: [{ key, runCount: 2 }] });
  expect(await (await get(`/events/${key}`)).text()).toContain("<h2>Rules that made no run of it</h2>");
  const list = await (await get("/events")).text();
  expect(list).toMatch(
    new RegExp(`<a href="/events/${key}">2 runs</a><details><summary>1 rule made no run of it</summary>.*tables`),
  );
});

test("the list and the page of one hear of events, and on a phone each cell names its column", async () => {
  const key = await givenEvent(db(), { workspaceId: "3", objectId: NODE });
  const list = await (await get("/events")).text();
  expect(list).toMatch(/<div id="events" data-live="events">.*<table class="stack">/);
  expect(list).toContain('<td class="long" data-label="What became of it">');
  expect(await (await get(`/events/${key}`)).text()).toContain('<div id="event" data-live="events runs">');
});

test("an event that nobody knows is not found, and no address is an error", async () => {
  for (const path of ["/events/ev-none", "/api/events/ev-none", "/events/ev-%00"])
    expect((await get(path)).status).toBe(404);
  for (const query of ["about=", "about=%00", "limit=x", `about=${"x".repeat(5_000)}`])
    expect((await get(`/events?${query}`)).status).toBe(200);
});

test("a run's page shows the chain it stands in, with what came of it", async () => {
  const rule = (name: string) => sampleRule({ name });
  const first = await givenRun(db(), rule("first"));
  const second = await givenRun(db(), rule("second"), { parentRunId: first.id, depth: 1 });
  const third = await givenRun(db(), rule("third"), { parentRunId: second.id, depth: 2 });
  expect(await json(`/api/runs/${second.id}`)).toMatchObject({
    family: [
      { id: first.id, parentId: null, depth: 0 },
      { id: second.id, parentId: first.id, depth: 1 },
      { id: third.id, parentId: second.id, depth: 2 },
    ],
  });
  const page = await (await get(`/runs/${second.id}`)).text();
  expect(page).toContain(`<a href="/runs/${first.id}">first</a>`);
  expect(page).toContain("<b>second</b>");
  expect(page).toContain(`<a href="/runs/${third.id}">third</a>`);
  expect(await (await get(`/runs/${(await givenRun(db(), rule("alone"))).id}`)).text()).not.toContain("Chain of rules");
});
