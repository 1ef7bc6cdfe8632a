import { like } from "drizzle-orm";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createPulls, type Pulls } from "../../../src/catch-up/pull.ts";
import { listFindable } from "../../../src/catch-up/read-search.ts";
import { createTakeIn } from "../../../src/catch-up/take-in.ts";
import type { WatchedWorkspace } from "../../../src/catch-up/watched-workspaces.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import type { FastioEmulatorOptions } from "../../../src/emulators/fastio/start.ts";
import { createAccept } from "../../../src/ledger/accept.ts";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import { readCursor, writeCursor } from "../../../src/ledger/cursors.ts";
import { readGaps } from "../../../src/ledger/gap-report.ts";
import { listPullStates, recordPullFailure } from "../../../src/ledger/pull-states.ts";
import { FINDABLE_FOR, forgetBefore } from "../../../src/ledger/retention.ts";
import { cursors, events } from "../../../src/ledger/schema.ts";
import { RULE_EVENTS } from "../../../src/rules/rule.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { clientOn } from "../../contract/fastio/client-on.ts";
import { SOON } from "../../support/soon.ts";
import { databases, useLedger } from "../ledger/subjects.ts";

const { workspaceId, workspaceName, orgId } = FASTIO_EMULATOR_DEFAULTS;
const HOUR_MS = 3_600_000;
const RETENTION_MS = 24 * HOUR_MS;
const { signal } = new AbortController();

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);

  /** A pull against a server of its own, by a clock that can be set wrong. */
  async function open(server: FastioEmulatorOptions = {}, { skewMs = 0, lookBackMs = 900_000 } = {}) {
    const client = await clientOn(server, { eventSearchLimits: [] });
    onTestFinished(client.close);
    let skew = skewMs;
    const clock: Clock = { now: () => Date.now() + skew, sleep: systemClock.sleep };
    const { db } = ledger();
    const deps = { db, clock, log: silentLog, fastio: client.fastio, lookBackMs, retentionMs: RETENTION_MS };
    let failures = 0;
    const make = (): Pulls => {
      const accept = createAccept({
        write: async (batch) => {
          if (failures > 0) throw new Error(`the connection is lost, ${failures--}`);
          return acceptDeliveries(db, batch);
        },
        log: silentLog,
        onCommitted: () => undefined,
      });
      return createPulls({
        ...deps,
        takeIn: createTakeIn({ ...deps, accept, wantedTypes: () => new Set(RULE_EVENTS) }),
      });
    };
    let pulls = make();
    const workspaces = [{ id: workspaceId, name: workspaceName, org: orgId }];
    return {
      client,
      workspaces,
      pulls: () => pulls,
      drop: (file: string) => client.emulator.dropFile({ name: file, content: file }),
      /**
       * @param isChecked afterwards, though no check is due
       * @param before workspaces that are asked for before the usual one
       */
      pull: async (isChecked = false, ...before: readonly WatchedWorkspace[]) => {
        const pulled = await pulls.pull({ workspaces: [...before, ...workspaces] }, signal);
        if (!isChecked) return pulled;
        const { found, fresh } = await pulls.check({ workspaces, wantedAtMs: clock.now() }, signal);
        return { ...pulled, found: pulled.found + found, fresh: pulled.fresh + fresh };
      },
      /** The next batch cannot be written. */
      failNext: () => {
        failures += 1;
      },
      /** @param before as of `pull` */
      check: (...before: readonly WatchedWorkspace[]) =>
        pulls.check({ workspaces: [...before, ...workspaces] }, signal),
      /** Another process, which knows what the ledger knows. */
      restart: () => {
        pulls = make();
      },
      advance: (ms: number) => {
        skew += ms;
      },
    };
  }

  test("an event that the next search finds again is not forgotten before, however long it is done", async () => {
    const { drop, pull } = await open();
    await pull(true);
    await drop("one.csv");
    expect(await pull(true)).toMatchObject({ fresh: 1 });
    const { db } = ledger();
    await db.update(events).set({ status: "ignored", routedAtMs: 1 });
    while ((await forgetBefore(db, Date.now(), { findable: await listFindable(db), untilMs: 0 })) > 0);
    expect(await pull(true)).toMatchObject({ fresh: 0 });
  });

  test.each([
    { what: "a search that was not asked for long", hidden: [], thorough: true },
    { what: "a feed that was closed for long", hidden: ["/events/search/"], thorough: false },
  ])("$what tells again what was forgotten, and nothing of that is new", async ({ hidden, thorough }) => {
    const { client, drop, pull, advance } = await open({ hiddenRoutes: hidden });
    const { db } = ledger();
    await pull();
    const cursor = (await readCursor(db, `changes ${orgId}`))?.value ?? "";
    await drop("known.txt");
    expect(await pull()).toMatchObject({ fresh: 1 });
    const longMs = (FINDABLE_FOR + 1) * RETENTION_MS;
    client.emulator.advance(longMs);
    advance(longMs);
    await drop("missed.txt");
    // As upkeep does.
    const nowMs = Date.now() + longMs;
    await db.update(events).set({ status: "ignored", routedAtMs: events.occurredAtMs });
    const kept = { findable: await listFindable(db), untilMs: nowMs - FINDABLE_FOR * RETENTION_MS };
    while ((await forgetBefore(db, nowMs - RETENTION_MS, kept)) > 0);
    await writeCursor(db, `changes ${orgId}`, cursor, nowMs);
    expect(await pull(thorough)).toMatchObject({ fresh: 1 });
  });

  test("a feed that was closed for longer than all is remembered, while searches were not, tells nothing new", async () => {
    const { client, drop, pull, advance } = await open();
    const { db } = ledger();
    await pull();
    const cursor = (await readCursor(db, `changes ${orgId}`))?.value ?? "";
    await drop("known.txt");
    expect(await pull(true)).toMatchObject({ fresh: 1 });
    const longMs = 1.5 * RETENTION_MS;
    client.emulator.advance(longMs);
    advance(longMs);
    await drop("later.txt");
    expect(await pull(true)).toMatchObject({ fresh: 1 });
    // As upkeep does: no search finds the first one again.
    const nowMs = Date.now() + longMs;
    await db.update(events).set({ status: "ignored", routedAtMs: events.occurredAtMs });
    const kept = { findable: await listFindable(db), untilMs: nowMs - FINDABLE_FOR * RETENTION_MS };
    expect(await forgetBefore(db, nowMs - RETENTION_MS, kept)).toBeGreaterThan(0);
    await writeCursor(db, `changes ${orgId}`, cursor, nowMs);
    await drop("missed.txt");
    expect(await pull()).toMatchObject({ fresh: 1 });
  });

  test.each([
    { how: "the feed", hidden: [] },
    { how: "a search", hidden: ["/events/changes/"] },
  ])(
    "a relay that was away for many times as long as it remembers finds all that happened by $how",
    async ({ hidden }) => {
      const { client, drop, pull, advance } = await open({ hiddenRoutes: hidden });
      const { db } = ledger();
      await pull();
      await drop("known.txt");
      expect(await pull()).toMatchObject({ fresh: 1 });
      const dayMs = RETENTION_MS;
      for (const file of ["first.txt", "second.txt", "third.txt"]) {
        client.emulator.advance(dayMs);
        advance(dayMs);
        await drop(file);
      }
      // The first thing it does when it is back.
      const nowMs = Date.now() + 3 * dayMs;
      await db.update(events).set({ status: "ignored", routedAtMs: events.occurredAtMs });
      while ((await forgetBefore(db, nowMs - RETENTION_MS)) > 0);
      expect(await db.query.events.findMany()).toEqual([]);
      expect(await pull()).toMatchObject({ fresh: 3 });
    },
  );

  test("the feed is read from its cursor; each event is new once", async () => {
    const { drop, pull, restart } = await open();
    expect(await pull()).toMatchObject({ found: 0, fresh: 0, sources: ["changes"] });
    await drop("a.txt");
    await drop("b.txt");
    expect(await pull()).toMatchObject({ found: 2, fresh: 2 });
    expect(await pull()).toMatchObject({ found: 0 });
    await drop("c.txt");
    restart();
    expect(await pull()).toMatchObject({ found: 1, fresh: 1, sources: ["changes"] });
  });

  test.each([{ hidden: [] }, { hidden: ["/events/changes/"] }, { hidden: ["/events/"] }])(
    "an hour without webhooks is caught up with at once, without $hidden too",
    async ({ hidden }) => {
      const { client, drop, pull, advance } = await open({ hiddenRoutes: hidden });
      await pull();
      for (let file = 0; file < 4; file += 1) {
        await drop(`${file}.txt`);
        client.emulator.advance(HOUR_MS / 4);
        advance(HOUR_MS / 4);
      }
      expect(await pull()).toMatchObject({ fresh: 4 });
      expect(await pull()).toMatchObject({ fresh: 0 });
    },
  );

  test("what a feed that works left out is found by a search each hour", async () => {
    const { client, drop, pull, check, advance } = await open();
    await pull();
    expect(await check()).toMatchObject({ fresh: 0 });
    await drop("left out.txt");
    const head = await client.fastio.readChanges({ orgId }, signal);
    await writeCursor(ledger().db, `changes ${orgId}`, head.kind === "page" ? head.cursor : "", Date.now());
    expect(await pull()).toMatchObject({ fresh: 0, sources: ["changes"] });
    const { fresh, dueInMs } = await check();
    expect(fresh).toBe(0);
    expect(dueInMs).toBeGreaterThan(HOUR_MS / 2);
    advance(dueInMs);
    expect(await check()).toMatchObject({ fresh: 1 });
  });

  test("a workspace whose check fails each time keeps no other from being checked, and says so until it is", async () => {
    const { client, pull, check } = await open();
    const away = { id: "away", name: "Away", org: orgId };
    await pull();
    await ledger().db.delete(cursors).where(like(cursors.name, "search %"));
    client.emulator.addFault({ match: { path: "away" }, times: 0, action: { kind: "drop", when: "before" } });
    await expect(check(away)).rejects.toThrow(/fastio/);
    expect(await listFindable(ledger().db)).toMatchObject([{ scopeId: workspaceId }]);
    const unchecked = async () => (await listPullStates(ledger().db)).filter((one) => one.checkFailingSinceMs !== null);
    const [told, ...others] = await unchecked();
    expect(others).toEqual([]);
    expect(told).toMatchObject({ workspaceId: "away", checkErrorMessage: expect.stringMatching(/fastio/) });
    expect(told?.failingSinceMs).toBeNull();
    await expect(check(away)).rejects.toThrow(/fastio/);
    expect((await unchecked())[0]?.checkFailingSinceMs).toBe(told?.checkFailingSinceMs);
    await fetch(`${client.emulator.url}/__faults`, { method: "DELETE" });
    const body = { result: true, events: [] };
    client.emulator.addFault({ match: { path: "away" }, times: 0, action: { kind: "status", status: 200, body } });
    await check(away);
    expect(await unchecked()).toEqual([]);
  });

  test("a check that is wanted searches no workspace twice because another one fails", async () => {
    const { client, pull, pulls, workspaces } = await open();
    await pull();
    client.emulator.addFault({ match: { path: "away" }, times: 0, action: { kind: "drop", when: "before" } });
    const wish = { workspaces: [{ id: "away", name: "Away", org: orgId }, ...workspaces], wantedAtMs: Date.now() };
    await expect(pulls().check(wish, signal)).rejects.toThrow(/fastio/);
    const searches = () => client.lines.filter((line) => line.includes(`workspace_id=${workspaceId}`)).length;
    const searched = searches();
    expect(searched).toBeGreaterThan(0);
    await expect(pulls().check(wish, signal)).rejects.toThrow(/fastio/);
    expect(searches()).toBe(searched);
  });

  test("a check that is wanted while one is under way is not taken as done by that one", async () => {
    const { client, drop, pull, pulls, workspaces, failNext } = await open();
    await pull();
    await drop("late.txt");
    const searches = () => client.lines.filter((line) => line.includes("/events/search/")).length;
    const before = searches();
    failNext();
    const underWay = pulls().check({ workspaces, wantedAtMs: Date.now() }, signal);
    await vi.waitFor(() => expect(searches()).toBeGreaterThan(before), SOON);
    const wantedAtMs = Date.now() + 1;
    await underWay;
    const searched = searches();
    await pulls().check({ workspaces, wantedAtMs }, signal);
    expect(searches()).toBeGreaterThan(searched);
  });

  test.each([
    { how: "without a feed", hidden: ["/events/changes/"], expired: false },
    { how: "after the cursor of the feed expired", hidden: [], expired: true },
  ])(
    "$how, a workspace that fails each time keeps no other from being read, and says why",
    async ({ hidden, expired }) => {
      const { client, drop, pull } = await open({ hiddenRoutes: hidden });
      await pull();
      if (expired) client.emulator.expireCursors();
      await drop("behind.txt");
      // As after an outage of all.
      const all = { code: "upstream_unavailable", message: "away", nextAction: undefined };
      await recordPullFailure(ledger().db, { id: workspaceId, name: workspaceName }, all, Date.now());
      client.emulator.addFault({ match: { path: "away" }, times: 0, action: { kind: "drop", when: "before" } });
      await expect(pull(false, { id: "away", name: "Away", org: orgId })).rejects.toThrow(/fastio/);
      expect(await readGaps(ledger().db, 0)).toMatchObject([{ workspaceId, found: 1 }]);
      const states = await listPullStates(ledger().db);
      expect(states.filter((one) => one.failingSinceMs !== null)).toMatchObject([
        { workspaceId: "away", errorCode: "connection_lost" },
      ]);
    },
  );

  test("a search goes on where one of its pages breaks off, or cannot be written down", async () => {
    const { client, drop, pull, failNext } = await open({ hiddenRoutes: ["/events/changes/"] });
    await pull();
    const files = 260; // more than one page has
    await Promise.all(Array.from({ length: files }, (_, file) => drop(`${file}.txt`)));
    const match = { path: "/events/search/" };
    client.emulator.addFault({ match, skip: 1, times: 1, action: { kind: "truncate", bytes: 40 } });
    failNext();
    expect(await pull()).toMatchObject({ fresh: files, sources: ["search"] });
    expect(await (await fetch(`${client.emulator.url}/__faults`)).json()).toMatchObject({ faults: [{ fired: 1 }] });
    expect(await pull()).toMatchObject({ fresh: 0 });
  });

  test("a first start takes the look-back and no history", async () => {
    const { client, drop, pull, advance } = await open();
    await drop("history.txt");
    client.emulator.advance(2 * HOUR_MS);
    advance(2 * HOUR_MS);
    await drop("recent.txt");
    expect(await pull()).toMatchObject({ found: 1, fresh: 1 });
    expect(await pull(true)).toMatchObject({ fresh: 0 });
  });

  test.each([2 * HOUR_MS, -2 * HOUR_MS])("a clock that is %d ms wrong misses nothing", async (skewMs) => {
    const { drop, pull } = await open({ hiddenRoutes: ["/events/changes/"] }, { skewMs, lookBackMs: 0 });
    await drop("before.txt");
    await pull();
    await drop("first.txt");
    await drop("second.txt");
    await pull();
    const [gap] = await readGaps(ledger().db, 0);
    expect(gap?.found).toBeGreaterThanOrEqual(2);
    await drop("third.txt");
    expect(await pull()).toMatchObject({ fresh: 1, sources: ["search"] });
  });

  test("a cursor that expired is replaced, and what was missed meanwhile is searched for", async () => {
    const { client, drop, pull } = await open();
    await pull();
    await drop("a.txt");
    await pull();
    client.emulator.expireCursors();
    await drop("b.txt");
    await drop("c.txt");
    expect(await pull()).toMatchObject({ fresh: 2, sources: ["changes"] });
    await drop("d.txt");
    expect(await pull()).toMatchObject({ found: 1, fresh: 1, sources: ["changes"] });
  });

  test("a feed that is closed or missing gives way to the search, and that to a listing", async () => {
    const { client, drop, pull } = await open({ hiddenRoutes: ["/events/changes/"] });
    await drop("a.txt");
    expect(await pull()).toMatchObject({ fresh: 1, sources: ["search"] });
    client.emulator.setKnobs({ hiddenRoutes: ["/events/changes/", "/events/search/"] });
    expect(await pull()).toMatchObject({ fresh: 0, sources: ["listing"] });
    await drop("b.txt");
    expect(await pull()).toMatchObject({ fresh: 1, sources: ["listing"] });
    expect(await pull()).toMatchObject({ found: 0, sources: ["listing"] });
    expect(await listPullStates(ledger().db)).toMatchObject([{ workspaceId, source: "listing", errorCode: null }]);
  });

  test("a workspace that was taken from us is told, stays told, and is read again when it comes back", async () => {
    const { client, drop, pull, advance } = await open();
    await pull();
    const forbidden = { result: false, error: { code: 1680, text: "Access denied." } };
    const match = { path: "/(events|storage)/" };
    const fault = { match, times: 0, action: { kind: "status" as const, status: 403, body: forbidden } };
    client.emulator.addFault(fault);
    expect(await pull()).toMatchObject({ closed: 1, sources: [] });
    await pull();
    const [state] = await listPullStates(ledger().db);
    expect(state).toMatchObject({ workspaceId, errorCode: "forbidden", nextAction: expect.stringMatching(/access/) });
    expect(state?.failingSinceMs).toBeGreaterThan(0);

    await fetch(`${client.emulator.url}/__faults`, { method: "DELETE" });
    await drop("meanwhile.txt");
    advance(HOUR_MS + 1);
    expect(await pull()).toMatchObject({ fresh: 1, sources: ["changes"] });
    expect(await listPullStates(ledger().db)).toMatchObject([{ errorCode: null, failingSinceMs: null }]);
  });

  test("a workspace that this key is not in closes no other, told with 401 as it may be", async () => {
    const { client, drop, pull } = await open({ hiddenRoutes: ["/events/changes/"] });
    const body = { result: false, error: { code: 10545, text: "You are not authorised for this profile." } };
    const match = { path: "taken" };
    client.emulator.addFault({ match, times: 0, action: { kind: "status", status: 401, body } });
    await drop("a.txt");
    const taken = { id: "taken", name: "Taken", org: undefined };
    expect(await pull(false, taken)).toMatchObject({ fresh: 1, closed: 1, sources: ["search"] });
    const states = await listPullStates(ledger().db);
    expect(states.find((state) => state.workspaceId === "taken")).toMatchObject({ errorCode: "forbidden" });
  });

  test("a key that does not work is an error and no reason to look elsewhere", async () => {
    const { client, pull } = await open();
    const body = { result: false, error: { code: 1650, text: "Authentication invalid." } };
    client.emulator.addFault({ times: 0, action: { kind: "status", status: 401, body } });
    await expect(pull()).rejects.toMatchObject({ code: "unauthorized" });
    expect(client.lines.filter((line) => line.includes("/storage/"))).toEqual([]);
  });

  test("a feed that works is checked by a search every hour, and when that is wanted; a pull of it searches nothing", async () => {
    const { client, pull, check, advance } = await open();
    const searches = () => client.lines.filter((line) => line.includes("/events/search/")).length;
    await pull();
    const begun = searches();
    advance(HOUR_MS / 2);
    await pull();
    await check();
    expect(searches()).toBe(begun);
    await pull(true);
    const wanted = searches();
    expect(wanted).toBeGreaterThan(begun);
    advance(HOUR_MS + 1);
    await pull();
    expect(searches()).toBe(wanted);
    await check();
    expect(searches()).toBeGreaterThan(wanted);
  });

  test("a search that breaks off begins anew and loses nothing", async () => {
    const { client, drop, pull } = await open({ hiddenRoutes: ["/events/changes/"] });
    for (let file = 0; file < 3; file += 1) await drop(`${file}.txt`);
    client.emulator.addFault({
      match: { path: "/events/search/" },
      skip: 2,
      times: 3,
      action: { kind: "status", status: 503, body: "" },
    });
    await pull().catch(() => undefined);
    await pull();
    expect(await readGaps(ledger().db, 0)).toMatchObject([{ workspaceId, received: 0, found: 3, recovered: 3 }]);
  });
});
