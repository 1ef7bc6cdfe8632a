import { asc, eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stepBulk } from "../../../src/ledger/bulk-step.ts";
import { FLOOD_HELD } from "../../../src/ledger/flood.ts";
import { bulkActions, bulkItems, type NewRun, operatorActions, runs } from "../../../src/ledger/schema.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import { bearer, OPERATOR, openReceiver, type Receiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

const NEWEST = { ruleNow: () => undefined, appOf: () => "an-app" };

let receiver: Receiver;
const db = () => receiver.ledger.db;

beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute(
    "truncate relay.runs, relay.rule_states, relay.operator_actions, relay.bulk_actions, relay.bulk_items",
  );
});

const FAILED = { status: "failed", queue: null, finishedAtMs: 1, errorCode: "dify_run_failed" } as const;
/** So many runs, made one millisecond after the other. */
const given = async (count: number, change: Partial<NewRun> = FAILED, prefix = "r"): Promise<void> => {
  const rows = Array.from({ length: count }, (_, at) =>
    runNamed(`${prefix}${at}`, { fileName: `file ${at}.pdf`, createdAtMs: NOW_MS + at, ...change }),
  );
  await db().insert(runs).values(rows);
};

/** Each by a connection of its own: carrying out hundreds keeps this process, the server too, from renewing an old one. */
const headers = (token: string) => ({
  ...bearer(token),
  "relay-operator": "anna",
  connection: "close",
});
const ask = (path: string, body?: object, token = OPERATOR): Promise<Response> =>
  fetch(`${receiver.url}${path}`, {
    headers: headers(token),
    ...(body && { method: "POST", body: JSON.stringify(body) }),
  });
const json = async (path: string, body?: object): Promise<Record<string, unknown>> =>
  (await ask(path, body)).json() as Promise<Record<string, unknown>>;
const page = async (path: string): Promise<string> => (await ask(path)).text();
const send = (path: string, fields: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(`${receiver.url}${path}`, {
    method: "POST",
    redirect: "manual",
    headers: headers(OPERATOR),
    body: new URLSearchParams(fields),
  });
/** The hidden and other fields of the form that confirms. */
const fieldsOf = (text: string): Record<string, string> => {
  const form = text.slice(text.indexOf('<form method="post" action="/runs/bulk"'));
  return Object.fromEntries(
    [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]),
  );
};
const begin = async (body: object): Promise<string> => {
  const told = await json("/api/runs/bulk", { rate: 6_000, dryRun: false, ...body });
  return String(told["bulk"]);
};
/** At 6,000 a minute the next run is due so much after the one before. */
const APART_MS = 10;
let laterMs = 600_000;
/** Carries out all that is due, as if it were much later, and each step as much later again as it takes to be due. */
const carryOut = async (most = Number.POSITIVE_INFINITY): Promise<void> => {
  for (let at = 0; at < most; at += 1) {
    laterMs += APART_MS;
    const step = await stepBulk(db(), NEWEST, Date.now() + laterMs);
    if (step.kind !== "stepped") return;
  }
};
const bulkOf = async (id: string) => (await db().select().from(bulkActions).where(eq(bulkActions.id, id)))[0];

describe("trying it", () => {
  test("tells how many runs, of which rules, at what cost, and does nothing", async () => {
    await given(300);
    await given(3, { status: "delivered", queue: null, finishedAtMs: 1, totalTokens: 100, elapsedMs: 60_000 }, "old");
    await given(2, { ...FAILED, ruleName: "another" }, "other");
    const told = await json("/api/runs/bulk", { action: "replay", filter: { rule: "read-new-files" } });
    expect(told).toMatchObject({
      matches: 300,
      statuses: ["failed"],
      groups: [{ rule: "read-new-files", status: "failed", count: 300 }],
      workflows: 300,
      estimatedTokens: 30_000,
      unknownRules: [],
    });
    expect(told["sample"]).toHaveLength(10);
    expect(told["sample"]).toContainEqual({ id: "r0", file: "file 0.pdf", moreFiles: 0, rule: "read-new-files" });
    expect(await json("/api/runs/bulk", { action: "replay" })).toMatchObject({
      matches: 302,
      unknownRules: ["another"],
    });
    expect(await db().$count(bulkActions)).toBe(0);
    expect(await db().$count(runs, eq(runs.status, "failed"))).toBe(302);
  });

  test("calls a run of a batch by its first file and how many more there are", async () => {
    await given(1, { ...FAILED, fileCount: 4 });
    expect(await json("/api/runs/bulk", { action: "replay" })).toMatchObject({
      sample: [{ file: "file 0.pdf", moreFiles: 3 }],
    });
    expect(await page("/runs/bulk?action=replay")).toContain("file 0.pdf and 3 more");
    const id = await begin({ action: "replay" });
    await carryOut();
    expect(await page(`/bulk/${id}`)).toContain("file 0.pdf and 3 more");
  });

  test("means by each deed only runs that it can be done to, and by a replay no delivered ones unless they are named", async () => {
    await given(4, { status: "delivered", queue: null, finishedAtMs: 1 }, "d");
    await given(3, FAILED, "f");
    await given(2, { status: "queued" }, "q");
    await given(1, { status: "held", queue: null, errorCode: FLOOD_HELD }, "h");
    const matches = async (action: string, filter = {}) =>
      (await json("/api/runs/bulk", { action, filter }))["matches"];
    expect(await matches("replay")).toBe(3);
    expect(await matches("replay", { status: ["delivered"] })).toBe(4);
    expect(await matches("replay", { status: ["queued"] })).toBe(0);
    expect(await matches("cancel")).toBe(3);
    expect(await matches("release")).toBe(1);
    expect(await matches("replay", { error: "another_code" })).toBe(0);
    expect(await matches("replay", { until: new Date(NOW_MS + 2).toISOString() })).toBe(2);
  });

  test.each([
    { action: "delete" },
    {},
    { action: "replay", rate: 0 },
    { action: "replay", rate: 9_999_999 },
    { action: "replay", key: "../../etc" },
    { action: "replay", filter: { colour: "red" } },
    { action: "replay", filter: { status: ["broken"] } },
    { action: "replay", filter: { since: "yesterday" } },
    { action: "replay", filter: { rule: "\u0000" } },
    { action: "replay", dryRun: "no" },
  ])("%j is refused", async (body) => {
    await given(1);
    expect((await ask("/api/runs/bulk", body)).status).toBe(400);
    expect((await ask("/api/runs/bulk", { dryRun: false, ...body })).status).toBe(400);
    expect(await db().$count(bulkActions)).toBe(0);
  });

  test("is for operators", async () => {
    for (const path of ["/runs/bulk", "/bulk", "/api/bulk", "/bulk/no-such-bulk", "/api/bulk/no-such-bulk"])
      expect((await ask(path, undefined, VIEWER)).status).toBe(403);
    for (const path of ["/api/runs/bulk", "/api/bulk/no-such-bulk/abort"])
      expect((await ask(path, { action: "replay" }, VIEWER)).status).toBe(403);
    for (const id of ["none", "no-such-bulk", "%00"]) expect((await ask(`/api/bulk/${id}`)).status).toBe(404);
    expect((await ask("/api/bulk/none/abort", {})).status).toBe(404);
  });
});

describe("begun", () => {
  test("300 runs are replayed once each, those that come to match later are left alone, and all is written down", async () => {
    await given(300);
    const id = await begin({ action: "replay", reason: "the prompt is mended" });
    await given(5, FAILED, "late");
    await carryOut();
    expect(await bulkOf(id)).toMatchObject({ state: "done", total: 300, done: 300, already: 0, refused: 0 });
    expect(await db().$count(runs, eq(runs.generation, 1))).toBe(300);
    expect(await db().$count(runs, eq(runs.status, "failed"))).toBe(5);
    const written = await db().select().from(operatorActions).orderBy(asc(operatorActions.id));
    expect(written).toHaveLength(301);
    expect(written[0]).toMatchObject({
      actor: "operator anna",
      action: "bulk.begin",
      target: id,
      detail: { deed: "replay", runs: 300, reason: "the prompt is mended" },
    });
    expect(written[1]).toMatchObject({
      actor: "operator anna",
      action: "run.replay",
      target: "r0",
      detail: { bulk: id, reason: "the prompt is mended" },
    });
    await carryOut();
    expect(await db().$count(operatorActions)).toBe(301);
  });

  test("what somebody has done meanwhile is not done again, and what cannot be done says why", async () => {
    await given(3);
    const id = await begin({ action: "replay" });
    await ask("/api/runs/r0/replay", {});
    await db().update(runs).set(FAILED).where(eq(runs.id, "r0"));
    await db().delete(runs).where(eq(runs.id, "r1"));
    await carryOut();
    expect(await json(`/api/bulk/${id}`)).toMatchObject({
      state: "done",
      done: 1,
      already: 1,
      refused: 1,
      left: 0,
      notDone: [
        { run: "r1", file: null, moreFiles: 0, outcome: "refused", note: "the run is forgotten" },
        { run: "r0", outcome: "already", note: expect.stringMatching(/begun again since/) },
      ],
    });
    expect(await db().$count(runs, eq(runs.generation, 1))).toBe(2);
  });

  test("it keeps to its rate, also after nobody carried it out for long", async () => {
    await given(5);
    await begin({ action: "replay", rate: 60 });
    const laterMs = Date.now() + 3_600_000;
    const steps = async (atMs: number): Promise<number> => {
      let count = 0;
      while ((await stepBulk(db(), NEWEST, atMs)).kind === "stepped") count += 1;
      return count;
    };
    expect(await steps(laterMs)).toBe(2);
    expect(await steps(laterMs + 900)).toBe(0);
    expect(await steps(laterMs + 1_000)).toBe(1);
  });

  test("it is stopped before its next run, once, and what was done stays done", async () => {
    await given(10);
    const id = await begin({ action: "replay" });
    await carryOut(4);
    const stop = () => json(`/api/bulk/${id}/abort`, { reason: "<b>wrong rule" });
    for (const told of [await stop(), await stop()]) expect(told).toMatchObject({ state: "aborted", done: 4, left: 6 });
    await carryOut();
    expect(await db().$count(runs, eq(runs.status, "failed"))).toBe(6);
    expect(await db().$count(operatorActions, eq(operatorActions.action, "bulk.abort"))).toBe(1);
    const told = await page(`/bulk/${id}`);
    expect(told).toContain("Stopped by operator anna: &lt;b&gt;wrong rule");
    expect(told).not.toContain(`action="/bulk/${id}/abort"`);
  });

  test("runs are cancelled, and held ones let go, by the same way", async () => {
    await given(2, { status: "queued" }, "q");
    await given(2, { status: "held", queue: null, errorCode: FLOOD_HELD }, "h");
    const release = await begin({ action: "release" });
    await carryOut();
    expect(await bulkOf(release)).toMatchObject({ state: "done", done: 2 });
    expect(await db().$count(runs, eq(runs.status, "queued"))).toBe(4);
    const cancel = await begin({ action: "cancel", reason: "not these" });
    await carryOut();
    expect(await bulkOf(cancel)).toMatchObject({ state: "done", done: 4 });
    expect(await db().select().from(runs)).toMatchObject(
      Array.from({ length: 4 }, () => ({ status: "cancelled", cancelReason: "not these" })),
    );
  });

  test("a fault at one run keeps none of the others from their turn", async () => {
    await given(3);
    await db().execute(`update relay.runs set rule = '{}'::jsonb where id = 'r1'`);
    const id = await begin({ action: "replay" });
    await carryOut();
    expect(await bulkOf(id)).toMatchObject({ state: "done", done: 2, refused: 1 });
    expect((await json(`/api/bulk/${id}`))["notDone"]).toMatchObject([
      { run: "r1", note: expect.stringMatching(/^a fault of the relay: /) },
    ]);
  });
});

describe("on the pages", () => {
  test("a filter is tried, confirmed and watched; the form sent twice begins once", async () => {
    await given(3);
    const tried = await page("/runs/bulk?action=replay&rule=read-new-files&status=failed&since=2026-01-01&rate=30");
    expect(tried).toContain("Replay of 3 runs");
    const fields = fieldsOf(tried);
    expect(fields).toMatchObject({ action: "replay", expect: "3", rate: "30", rule: "read-new-files" });
    const confirm = () => send("/runs/bulk", { ...fields, version: "same", reason: "<i>mended" });
    const answers = [await confirm(), await confirm()];
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    expect(new Set(answers.map((answer) => answer.headers.get("location")))).toEqual(
      new Set([`/bulk/${fields["key"]}`]),
    );
    expect(await db().select().from(bulkActions)).toMatchObject([{ total: 3, version: "same", perMinute: 30 }]);
    const told = await page(`/bulk/${fields["key"]}`);
    expect(told).toContain("&lt;i&gt;mended");
    expect(told).toContain('data-live="bulk"');
    expect(await page("/bulk")).toContain("Replay of 3 runs");
  });

  test("when others match by now than were shown, nothing is begun and the page tells anew", async () => {
    await given(2);
    const fields = fieldsOf(await page("/runs/bulk?action=replay"));
    await given(1, FAILED, "more");
    const answer = await send("/runs/bulk", fields);
    expect(answer.status).toBe(409);
    const again = await answer.text();
    expect(again).toContain("by now 3 runs match");
    expect(fieldsOf(again)).toMatchObject({ expect: "3" });
    expect(await db().$count(bulkActions)).toBe(0);
    expect(await db().$count(bulkItems)).toBe(0);
  });

  test("names of files and rules, and what is typed into the filter, are text", async () => {
    await given(1, { ...FAILED, fileName: "<img src=x onerror=alert(1)>" });
    const told = await page("/runs/bulk?action=replay&q=%3Cscript%3E");
    expect(told).not.toContain("<script>");
    const all = await page("/runs/bulk?action=replay");
    expect(all).not.toContain("<img");
    expect(all).toContain("&lt;img src=x");
  });

  test.each(["", "?action=none", "?action=replay&since=never", "?constructor=1&__proto__=2", "?rate=-1"])(
    "the page answers to %s",
    async (query) => {
      expect((await ask(`/runs/bulk${query}`)).status).toBe(200);
    },
  );
});
