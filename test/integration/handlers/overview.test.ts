import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Overview } from "../../../handlers/overview-schemas.ts";
import { openAppLimit } from "../../../src/ledger/app-limits.ts";
import { takeSlot } from "../../../src/ledger/app-slots.ts";
import { recordCheckFailure, recordPull, recordPullFailure } from "../../../src/ledger/pull-states.ts";
import { setRuleState } from "../../../src/ledger/rule-state-queries.ts";
import { createRuns } from "../../support/create-runs.ts";
import { givenEvent } from "../../support/test-ledger.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import { bearer, openReceiver, type Receiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

const MINUTE_MS = 60_000;
/** The key of the receiver's app, as it is told. */
const APP = createHash("sha256").update("app-key").digest("hex").slice(0, 12);

let receiver: Receiver;
const db = () => receiver.ledger.db;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute("truncate relay.runs, relay.rule_states, relay.events, relay.pull_states");
});

const get = (path: string): Promise<Response> => fetch(`${receiver.url}${path}`, { headers: bearer(VIEWER) });
const overview = async (): Promise<Overview> => (await get("/api/overview")).json() as Promise<Overview>;
const page = async (): Promise<string> => (await get("/")).text();
const given = (...wanted: Parameters<typeof createRuns>[2]) =>
  createRuns(db(), "ev-none", wanted, { status: "routed", reasons: {} }, NOW_MS);

const delivered = (id: string, agoMs: number) => {
  const finishedAtMs = Date.now() - agoMs;
  const createdAtMs = finishedAtMs - 30_000;
  return runNamed(id, { status: "delivered", queue: null, app: APP, elapsedMs: 20_000, createdAtMs, finishedAtMs });
};

test("an empty relay needs nobody, and names its rule and its app", async () => {
  expect(await overview()).toMatchObject({
    open: { waiting: 0, atWork: 0, paused: 0, held: 0, oldestMs: null },
    lastDay: { delivered: 0, success: null },
    drainMs: 0,
    apps: [{ app: APP, keys: ["DIFY_API_KEY"], waiting: 0 }],
    rules: [{ name: "read-new-files", isInForce: true, isPaused: false }],
    waitForPeople: [],
    failedLately: [],
  });
  expect(await page()).toContain("Nothing.");
});

test("what was delivered and failed is told of the last hour and day, and what is older is not", async () => {
  const failed = { status: "failed", queue: null, errorMessage: "boom <b>", nextAction: "mend it" } as const;
  await given(
    delivered("r1", MINUTE_MS),
    delivered("r2", 5 * 60 * MINUTE_MS),
    delivered("r3", 50 * 60 * MINUTE_MS),
    runNamed("r4", { ...failed, finishedAtMs: Date.now() - MINUTE_MS }),
    runNamed("r5", { ...failed, finishedAtMs: Date.now() - 50 * 60 * MINUTE_MS }),
  );
  const told = await overview();
  expect(told.lastHour).toEqual({ delivered: 1, failed: 1, dropped: 0, success: 0.5, meanMs: 30_000 });
  expect(told.lastDay).toMatchObject({ delivered: 2, failed: 1 });
  expect(told.rules[0]?.lastDay).toMatchObject({ delivered: 2, failed: 1 });
  expect(told.apps[0]?.lastDay).toMatchObject({ delivered: 2, failed: 0 });
  expect(told.failedLately.map(({ id }) => id)).toEqual(["r4"]);
  expect(await page()).toContain("boom &lt;b&gt;");
});

test("what waits tells the age of the oldest, and how long it takes with the slots of its app", async () => {
  await openAppLimit(db(), APP, { start: 2, ceiling: 20 }, NOW_MS);
  await takeSlot(db(), { app: APP, runId: "r9", owner: "a worker" }, Date.now());
  const oldestMs = Date.now() - 90 * MINUTE_MS;
  await given(
    delivered("done", MINUTE_MS),
    runNamed("r1", { app: APP, createdAtMs: oldestMs }),
    runNamed("r2", { app: APP, createdAtMs: Date.now() }),
    runNamed("r3", { app: APP, status: "running", createdAtMs: 1 }),
  );
  await givenEvent(db(), { workspaceId: "3", objectId: "n", receivedAtMs: oldestMs - MINUTE_MS });
  const told = await overview();
  expect(told.open).toMatchObject({ waiting: 2, atWork: 1, oldestMs });
  // Two and a half runs of 20 s in two slots.
  expect(told.drainMs).toBe(25_000);
  expect(told.apps).toMatchObject([{ app: APP, waiting: 2, slots: 2, taken: 1, drainMs: 25_000, oldestMs }]);
  expect(told.backlog).toMatchObject({ count: 1, oldestMs: oldestMs - MINUTE_MS });
  const text = await page();
  for (const words of ["about 25.0 s", "91 min", "1 of 2"]) expect(text).toContain(words);
});

test("what needs a person is named: paused rules, holds by their reason, runs that ask or were laid aside", async () => {
  await setRuleState(db(), {
    ...{ ruleName: "gone <i>", state: "paused", reason: "wrong key", nextAction: "set it", changedBy: "relay" },
    sinceMs: NOW_MS,
  });
  const flood = { errorCode: "flood_held", errorMessage: "many runs", nextAction: "release them" };
  await given(
    runNamed("h1", { status: "held", queue: null, ...flood }),
    runNamed("h2", { status: "held", queue: null, ...flood }),
    runNamed("h3", { status: "held", queue: null, errorCode: "budget_reached", errorMessage: "enough for today" }),
    runNamed("p1", { status: "paused", queue: "runs", nextAction: "answer it" }),
    runNamed("p2", { status: "paused", queue: null, errorMessage: "lost" }),
  );
  const told = await overview();
  expect(told.open).toMatchObject({ paused: 2, held: 3, waiting: 0, oldestMs: null });
  expect(told.pausedRules).toEqual([
    { name: "gone <i>", reason: "wrong key", nextAction: "set it", changedBy: "relay", sinceMs: NOW_MS },
  ]);
  expect(told.holds).toMatchObject([
    { ruleName: "read-new-files", code: "budget_reached", count: 1 },
    { ruleName: "read-new-files", code: "flood_held", count: 2, reason: "many runs", nextAction: "release them" },
  ]);
  expect(told.waitForPeople.map(({ id }) => id).sort()).toEqual(["p1", "p2"]);
  const text = await page();
  for (const words of ["gone &lt;i&gt;", "wrong key", "many runs", "release them"]) expect(text).toContain(words);
  expect(text).not.toContain("<i>");
});

test("a workspace that only a person can make readable needs one, and one that is merely away does not", async () => {
  const failure = { code: "not_found", message: "nobody is <called> so", nextAction: "Correct the rule." };
  const away = { code: "upstream_unavailable", message: "it is away", nextAction: undefined };
  await recordPullFailure(db(), { id: "7", name: "Invoices" }, away, NOW_MS);
  expect(await page()).toContain("Nothing.");
  await recordPullFailure(db(), { id: "Contratcs", name: "Contratcs" }, failure, NOW_MS);
  const [, needed = ""] = (await page()).split("What needs a person");
  expect(needed).toContain(
    "The workspace <b>Contratcs</b> cannot be read: nobody is &lt;called&gt; so<br>Correct the rule.",
  );
  expect(needed).not.toContain("Nothing.");
});

test("a workspace whose feed cannot be checked says so among the sources, and needs a person where one can help", async () => {
  const failure = { code: "connection_lost", message: "<the line> is cut", nextAction: undefined };
  await recordCheckFailure(db(), { id: "8", name: "Offers" }, failure, NOW_MS);
  const [, needed = ""] = (await page()).split("What needs a person");
  expect(needed).toMatch(/What the feed leaves out cannot be searched for since [^:]*[^<]*&lt;the line&gt; is cut/);
  expect(needed).not.toContain("<b>Offers</b>");
  await recordCheckFailure(db(), { id: "8", name: "Offers" }, { ...failure, nextAction: "Let it in." }, NOW_MS);
  expect(await page()).toMatch(/workspace <b>Offers<\/b> cannot be searched for: [^<]*<br>Let it in\./);
  await recordPull(db(), { id: "8", name: "Offers" }, { source: "search", atMs: NOW_MS });
  expect(await page()).not.toContain("cannot be searched for");
});

test("who may not see a page reads which role it needs, and has the way to what they may see", async () => {
  const answer = await fetch(`${receiver.url}/audit`, {
    headers: { accept: "text/html", cookie: await cookieOf(VIEWER) },
  });
  expect(answer.status).toBe(403);
  const text = await answer.text();
  expect(text).toContain("This needs the role operator");
  expect(text).toContain("<h1>Not allowed</h1>");
  for (const way of ['<a href="/">Go to the overview</a>', '<a href="/runs">Runs</a>', "Log out"])
    expect(text).toContain(way);
});

async function cookieOf(token: string): Promise<string> {
  const login = await fetch(`${receiver.url}/?token=${token}`, {
    headers: { accept: "text/html" },
    redirect: "manual",
  });
  return login.headers.get("set-cookie")?.split(";")[0] ?? "";
}
