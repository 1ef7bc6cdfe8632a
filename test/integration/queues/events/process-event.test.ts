import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProcessEventDeps, processEvent } from "../../../../queues/events/process-event.ts";
import { MAX_ATTEMPTS } from "../../../../queues/failure-policy.ts";
import { systemClock } from "../../../../src/clock.ts";
import { PermanentError, TransientError } from "../../../../src/errors.ts";
import { normaliseOpaqueId } from "../../../../src/fastio/opaque-id.ts";
import type { FastioNode } from "../../../../src/fastio/types.ts";
import { createRunMaker } from "../../../../src/ledger/create-runs.ts";
import { saveOutput } from "../../../../src/ledger/outputs.ts";
import { setRuleState } from "../../../../src/ledger/rule-state-queries.ts";
import { events } from "../../../../src/ledger/schema.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { silentMetrics } from "../../../../src/telemetry/metrics.ts";
import { silentTrace } from "../../../../src/telemetry/trace.ts";
import { givenEvent, givenRun, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";
import {
  fakeFastio,
  file,
  folder,
  type Given,
  INBOX,
  PERSON,
  RULES,
  routingOn,
  rulesOf,
  SELF,
  spelled,
  WORKSPACE,
} from "./routing.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const { openRoute, eventRow, runsOf, routeOne } = routingOn(() => ledger);

describe("the address of whoever caused an event", () => {
  const INVITES = RULES.replace('title: "For', 'invite: ["{{ event.actor.email }}"], title: "For');
  const ask = (nodes: readonly FastioNode[], event: Parameters<typeof givenEvent>[1], rules = INVITES) => {
    const asked: string[] = [];
    const findMemberEmail: ProcessEventDeps["fastio"]["findMemberEmail"] = async (_workspace, id) => {
      asked.push(id);
      return `${id}@example.test`;
    };
    const [node = INBOX] = nodes;
    return routeOne(node, { rules, fastio: { findMemberEmail } }, event).then(({ runs }) => ({ asked, run: runs[0] }));
  };

  test("is looked up where a rule speaks of it", async () => {
    const { asked, run } = await ask([file()], { actorUserId: "7" });
    expect(asked).toEqual(["7"]);
    expect(run).toMatchObject({ actorUserId: "7", actorEmail: "7@example.test" });
  });

  test("is that of the maker of new content when the event names nobody", async () => {
    expect((await ask([file()], {})).run).toMatchObject({ actorUserId: PERSON, actorEmail: `${PERSON}@example.test` });
    const moves = INVITES.replace("when: {", "when: { events: [file.moved],");
    const { asked, run } = await ask([file()], { type: "file.moved" }, moves);
    expect(asked).toEqual([]);
    expect(run).toMatchObject({ actorUserId: null, actorEmail: null });
  });

  test("costs no call where no rule speaks of it", async () => {
    const { asked, run } = await ask([file()], { actorUserId: "7" }, RULES);
    expect(asked).toEqual([]);
    expect(run).toMatchObject({ actorUserId: "7", actorEmail: null });
  });

  test("that cannot be asked for now makes no run without it", async () => {
    const away = new TransientError("connection_lost", "away", {});
    const findMemberEmail = () => Promise.reject(away);
    const node = file();
    const routing = routeOne(node, { rules: INVITES, fastio: { findMemberEmail } }, { actorUserId: "7" });
    await expect(routing).rejects.toBe(away);
    expect(await runsOf(node.id)).toEqual([]);
  });
});

test("a file that a rule wants becomes a run that says what is known of it", async () => {
  const node = file({ parentId: "year" });
  const { event, runs, handedOver, outcome } = await routeOne(node, {
    nodes: [node, folder("year", "2026", "inbox"), INBOX],
  });
  expect(outcome).toEqual({ kind: "done" });
  expect(event).toMatchObject({ status: "routed", reasons: {} });
  expect(runs).toMatchObject([
    {
      ruleName: "contracts",
      status: "queued",
      queue: "runs",
      workspaceId: WORKSPACE,
      workspaceName: "Contracts",
      versionId: "version1",
      fileName: "offer.pdf",
      folderPath: "/Inbox/2026",
      fileSize: 1_000,
      mimeType: "application/pdf",
      eventKey: event.key,
    },
  ]);
  expect(handedOver).toEqual([runs[0]?.id]);
});

test("a file that Fast.io does not know yet when its event comes is looked for once more", async () => {
  const node = file();
  const receivedAtMs = Date.now();
  const { key, event, outcome } = await routeOne(node, { nodes: [INBOX] }, { receivedAtMs });
  expect(outcome).toEqual({ kind: "later", atMs: receivedAtMs + 5_000 });
  expect(event).toMatchObject({ status: "accepted", failures: 0 });
  const { route } = openRoute({ nodes: [node, INBOX] });
  expect(await route(key)).toEqual({ kind: "done" });
  expect(await eventRow(key)).toMatchObject({ status: "routed" });
  expect(await runsOf(node.id)).toHaveLength(1);
});

describe("an event no rule wants is kept with the reason of each", () => {
  test("each rule tells its own", async () => {
    const rules = `${RULES}  - name: small-ones
    when: { workspace: "*", maxSize: 10B }
    run: { inputs: { document: "{{ file }}" } }
    deliver: { as: share, folder: /Out, title: "For {{ file.name }}" }
`;
    const { event, runs, handedOver } = await routeOne(file({ name: "offer.txt" }), { rules });
    expect(event.status).toBe("ignored");
    expect(Object.keys(event.reasons)).toEqual(["contracts", "small-ones"]);
    expect(event.reasons["contracts"]).toMatch(/file name .*offer\.txt.* does not match \*\.pdf/);
    expect(event.reasons["small-ones"]).toMatch(/maxSize/);
    expect(event.routedAtMs).not.toBeNull();
    expect(runs).toEqual([]);
    expect(handedOver).toEqual([]);
  });

  test("a file in the trash", async () => {
    const { event, runs } = await routeOne(file({ deleted: true }));
    expect(event).toMatchObject({ status: "ignored", reasons: { "*": "the file is in the trash" } });
    expect(runs).toEqual([]);
  });

  test("a file that is gone", async () => {
    const { event, outcome } = await routeOne(file(), { nodes: [INBOX] }, { receivedAtMs: Date.now() - 5_000 });
    expect(outcome).toEqual({ kind: "done" });
    expect(event.status).toBe("ignored");
    expect(event.reasons["*"]).toMatch(/gone/);
  });

  test("a file whose folder is gone", async () => {
    const node = file();
    const { event } = await routeOne(node, { nodes: [node] }, { receivedAtMs: Date.now() - 5_000 });
    expect(event.status).toBe("ignored");
    expect(event.reasons["*"]).toMatch(/gone/);
  });

  test("an event that names no file", async () => {
    const key = await givenEvent(ledger.db, { workspaceId: WORKSPACE });
    const { route, calls } = openRoute({});
    await route(key);
    expect(await eventRow(key)).toMatchObject({
      status: "ignored",
      reasons: { "*": expect.stringMatching(/no file/) },
    });
    expect(calls).toEqual([]);
  });

  test("a kind of event no rule listens to costs no call to Fast.io", async () => {
    const { event, calls } = await routeOne(file(), {
      rules: RULES.replace("folder: /Inbox", "events: [file.moved], folder: /Inbox"),
    });
    expect(event).toMatchObject({ status: "ignored", reasons: { "*": expect.stringMatching(/file\.created/) } });
    expect(calls).toEqual([]);
  });

  test("a workspace whose name nobody knows is told by its id", async () => {
    const { event } = await routeOne(file(), { workspaceName: null });
    expect(event.status).toBe("ignored");
    expect(event.reasons["contracts"]).toContain(WORKSPACE);
  });
});

test("a rule may name a workspace by id, whose own name nobody knows", async () => {
  const { runs } = await routeOne(file(), {
    workspaceName: null,
    rules: RULES.replace("workspace: Contracts", `workspace: "${WORKSPACE}"`),
  });
  expect(runs).toMatchObject([{ workspaceName: WORKSPACE, status: "queued" }]);
});

describe("what the relay itself puts into Fast.io starts nothing", () => {
  test("its own user as the actor", async () => {
    const { event, runs } = await routeOne(file(), {}, { actorUserId: SELF });
    expect(event.status).toBe("ignored");
    expect(event.reasons["*"]).toMatch(/relay itself/);
    expect(runs).toEqual([]);
  });

  test("its own user as the maker of the file, when the actor is unknown", async () => {
    const { event, runs } = await routeOne(file({ creatorId: SELF }));
    expect(event.status).toBe("ignored");
    expect(runs).toEqual([]);
  });

  test("a file that is an output, however its id is spelled and whoever is the actor", async () => {
    const node = file();
    const run = await givenRun(ledger.db, sampleRule());
    await saveOutput(ledger.db, {
      runId: run.id,
      ordinal: 0,
      kind: "file",
      name: node.name,
      mimeType: "application/pdf",
      size: 1,
      nodeId: normaliseOpaqueId(node.id),
    });
    const { event, runs } = await routeOne(node, {}, { actorUserId: PERSON });
    expect(event).toMatchObject({ status: "ignored", reasons: { "*": "the relay placed this file itself" } });
    expect(runs).toEqual([]);
  });

  test("a file anywhere below the folder of a run, before the run knows its outputs", async () => {
    const own = spelled(`2${randomUUID().replaceAll("-", "").slice(0, 29)}`);
    await givenRun(ledger.db, sampleRule(), { folderNodeId: normaliseOpaqueId(own) });
    const node = file({ parentId: "deep" });
    const nodes = [node, folder("deep", "deep", own), folder(own, "offer.pdf (r1)", "inbox"), INBOX];
    const { event, runs } = await routeOne(node, { nodes }, { actorUserId: PERSON });
    expect(event).toMatchObject({ status: "ignored", reasons: { "*": "the relay placed this file itself" } });
    expect(runs).toEqual([]);
  });

  test("a person's file beside such folders starts a run", async () => {
    const { runs } = await routeOne(file(), {}, { actorUserId: PERSON });
    expect(runs).toHaveLength(1);
  });
});

describe("one run for each rule and version", () => {
  const TWO = `${RULES}${RULES.replace("rules:\n", "").replace("name: contracts", "name: second-look")}`;

  test("two rules that want a file make two runs", async () => {
    const { runs, event, handedOver } = await routeOne(file(), { rules: TWO });
    expect(runs.map(({ ruleName }) => ruleName)).toEqual(["contracts", "second-look"]);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(2);
    expect(handedOver).toHaveLength(2);
    expect(event.status).toBe("routed");
  });

  test("the same fact told by another event makes no second run", async () => {
    const node = file();
    const first = await routeOne(node);
    const second = await routeOne(node, {}, { type: "file.created" });
    expect(second.runs.map(({ id }) => id)).toEqual(first.runs.map(({ id }) => id));
    expect(first.event).toMatchObject({ status: "routed", reasons: {} });
    const [run] = first.runs;
    expect(second.event).toMatchObject({
      status: "routed",
      reasons: { contracts: `this version of the file has a run already: ${run?.id}` },
    });
    expect(second.handedOver).toEqual([]);
  });

  test("the same event routed again does nothing", async () => {
    const node = file();
    const { key } = await routeOne(node);
    const { route, calls, handedOver } = openRoute({ nodes: [node, INBOX] });
    expect(await route(key)).toEqual({ kind: "done" });
    expect({ calls, handedOver }).toEqual({ calls: [], handedOver: [] });
  });

  test("the same event routed by two workers at once makes one run, handed over once", async () => {
    const node = file();
    const key = await givenEvent(ledger.db, { workspaceId: WORKSPACE, objectId: node.id });
    const { route, handedOver } = openRoute({ nodes: [node, INBOX] });
    await Promise.all([route(key), route(key)]);
    expect(await runsOf(node.id)).toHaveLength(1);
    expect(await eventRow(key)).toMatchObject({ status: "routed", reasons: {} });
    expect(handedOver).toHaveLength(1);
  });

  test("a new version makes a new run", async () => {
    const node = file();
    await routeOne(node);
    const { runs } = await routeOne(
      { ...node, versionId: "version2" },
      {
        rules: RULES.replace("folder: /Inbox", "events: [file.created, file.version_added], folder: /Inbox"),
      },
      { type: "file.version_added" },
    );
    expect(runs.map(({ versionId }) => versionId).sort()).toEqual(["version1", "version2"]);
  });
});

test("a paused rule makes a held run, which no queue gets", async () => {
  const name = `paused-${randomUUID().slice(0, 8)}`;
  await setRuleState(ledger.db, {
    ruleName: name,
    state: "paused",
    reason: "no credits",
    nextAction: null,
    changedBy: "relay",
    sinceMs: 1,
  });
  const { runs, event } = await routeOne(file(), { rules: RULES.replace("name: contracts", `name: ${name}`) });
  expect(event.status).toBe("routed");
  expect(runs).toMatchObject([{ status: "held", queue: null, nextAction: null }]);
  expect(runs[0]?.errorMessage).toMatch(/paused: no credits/);
});

test("folders that lead in a circle fail the event and say so", async () => {
  const node = file({ parentId: "a" });
  const { event, outcome, runs } = await routeOne(node, {
    nodes: [node, folder("a", "A", "b"), folder("b", "B", "a")],
  });
  expect(outcome).toEqual({ kind: "done" });
  expect(event).toMatchObject({ status: "failed", reasons: { "*": expect.stringMatching(/do not end at the root/) } });
  expect(runs).toEqual([]);
});

describe("what goes wrong on the way", () => {
  const failing = (error: unknown): Given => ({
    fastio: {
      readNode: async () => {
        throw error;
      },
    },
  });

  test("an outage is counted, thrown for the queue to try again, and outlasted however long it is", async () => {
    const node = file();
    const key = await givenEvent(ledger.db, { workspaceId: WORKSPACE, objectId: node.id });
    const { route } = openRoute(failing(new TransientError("connect_failed", "no connection")));
    await expect(route(key)).rejects.toMatchObject({ code: "connect_failed" });
    expect(await eventRow(key)).toMatchObject({ status: "accepted", failures: 1 });
    await ledger.db
      .update(events)
      .set({ failures: MAX_ATTEMPTS - 1 })
      .where(eq(events.key, key));
    expect(await route(key)).toMatchObject({ kind: "later" });
    expect(await eventRow(key)).toMatchObject({ status: "accepted" });
  });

  test("a rate limit is waited for and burns no attempt", async () => {
    const limited = new TransientError("rate_limited", "429", { failure: "throttled", retryAfterMs: 9_000 });
    const { event, outcome } = await routeOne(file(), failing(limited));
    expect(outcome).toMatchObject({ kind: "later" });
    expect(outcome.kind === "later" && outcome.atMs - Date.now()).toBeGreaterThan(7_000);
    expect(event).toMatchObject({ status: "accepted", failures: 0 });
  });

  test("a key that is refused leaves the event waiting for whoever mends it", async () => {
    const refused = new PermanentError("unauthorized", "the key was refused", { failure: "misconfigured" });
    const { event, outcome } = await routeOne(file(), failing(refused));
    expect(outcome.kind).toBe("later");
    expect(event).toMatchObject({ status: "accepted", failures: 0 });
  });

  test("shutdown leaves the event as it was", async () => {
    const node = file();
    const key = await givenEvent(ledger.db, { workspaceId: WORKSPACE, objectId: node.id });
    const stop = new AbortController();
    const { fastio } = fakeFastio([node, INBOX]);
    const route = processEvent({
      db: ledger.db,
      clock: systemClock,
      random: () => 0,
      log: silentLog,
      metrics: silentMetrics,
      trace: silentTrace,
      fastio: {
        ...fastio,
        readNode: async (_workspace, _node, signal) => {
          stop.abort(new TransientError("aborted", "the worker is closing"));
          signal.throwIfAborted();
          return node;
        },
      },
      rules: () => rulesOf(RULES),
      appOf: () => "an-app",
      floodHold: () => 500,
      makeRuns: createRunMaker(ledger.db),
      outbox: { sendRuns: async () => true },
    });
    await expect(route(key, stop.signal)).rejects.toMatchObject({ code: "aborted" });
    expect(await eventRow(key)).toMatchObject({ status: "accepted", failures: 0 });
  });

  test("a job of another ledger's event is told of, with what to look at, and not each of them", async () => {
    const told: unknown[] = [];
    const warn = (event: string, fields: object = {}) => told.push({ event, ...fields });
    const { fastio } = fakeFastio([]);
    const route = processEvent({
      ...{ db: ledger.db, clock: systemClock, random: () => 0, metrics: silentMetrics, trace: silentTrace, fastio },
      log: { ...silentLog, warn },
      rules: () => rulesOf(RULES),
      appOf: () => "an-app",
      floodHold: () => 500,
      makeRuns: createRunMaker(ledger.db),
      outbox: { sendRuns: async () => true },
    });
    for (const key of ["ev-theirs", "ev-theirs-too"])
      expect(await route(key, new AbortController().signal)).toEqual({ kind: "done" });
    expect(told).toMatchObject([
      { event: "event.unknown", eventKey: "ev-theirs", nextAction: expect.stringContaining("REDIS_URL") },
    ]);
  });
});

describe("what is not to be begun yet is left to the sweep", () => {
  test("a file that is to be left alone first; one that was found late was", async () => {
    const rules = RULES.replace("when: {", "when: { settle: 1h,");
    const { runs, handedOver } = await routeOne(file(), { rules });
    expect(runs).toMatchObject([{ status: "queued", queuedAtMs: null, seenAtMs: expect.any(Number) }]);
    expect(runs[0]?.dueAtMs).toBeGreaterThan(Date.now() + 3_500_000);
    expect(handedOver).toEqual([]);

    const late = await routeOne(file(), { rules }, { receivedAtMs: Date.now() - 7_200_000 });
    expect(late.runs).toMatchObject([{ dueAtMs: 0 }]);
    expect(late.handedOver).toEqual([late.runs[0]?.id]);
  });

  test("a file whose batch may still get others, and a file that has come twice", async () => {
    const rules = RULES.replace("run: {", "run: { group: batch,").replace("{{ file }}", "{{ files }}");
    const node = file();
    const { runs, handedOver } = await routeOne(node, { rules });
    expect(runs).toMatchObject([{ status: "queued", fileCount: 1, gatheringKey: expect.any(String) }]);
    expect(handedOver).toEqual([]);
    expect((await routeOne(node, { rules })).event).toMatchObject({
      status: "routed",
      reasons: { contracts: `this version of the file has a run already: ${runs[0]?.id}` },
    });
  });
});

describe("the newest version of a file wins, whatever the clocks of those who read it say", () => {
  /** One process after the other reads it, the first with a clock that is ahead. */
  const fast = { now: () => Date.now() + 45_000 };
  const versions = () => {
    const first = file();
    return { first, newest: { ...first, versionId: "version2" } };
  };
  const OUTDATED = [
    ["version1", "skipped"],
    ["version2", "queued"],
  ];

  test("file by file", async () => {
    const { first, newest } = versions();
    await routeOne(first, fast);
    const { runs } = await routeOne(newest);
    expect(runs.map(({ versionId, status }) => [versionId, status]).sort()).toEqual(OUTDATED);
  });

  test("in batches", async () => {
    const rules = RULES.replace("run: {", "run: { group: batch,").replace("{{ file }}", "{{ files }}");
    const { first, newest } = versions();
    await routeOne(first, { rules, ...fast });
    const { event } = await routeOne(newest, { rules });
    expect([event.status, event.reasons]).toEqual(["routed", {}]);
  });

  test("and an older one that took long to be routed does not", async () => {
    const { first, newest } = versions();
    const isRead = new AbortController();
    const goesOn = new AbortController();
    const readWorkspace = async (id: string) => {
      isRead.abort();
      await aborted(goesOn.signal);
      return { id, name: "Contracts" };
    };
    const late = routeOne(first, { ...fast, fastio: { readWorkspace } });
    await aborted(isRead.signal);
    await routeOne(newest);
    goesOn.abort();
    const { runs } = await late;
    expect(runs.map(({ versionId, status }) => [versionId, status]).sort()).toEqual(OUTDATED);
  });
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
