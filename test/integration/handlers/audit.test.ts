import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ActionList } from "../../../handlers/read-audit.ts";
import { operatorActions, toolCalls } from "../../../src/ledger/schema.ts";
import { bearer, OPERATOR, openReceiver, type Receiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

const HOUR_MS = 3_600_000;

let receiver: Receiver;
const db = () => receiver.ledger.db;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute("truncate relay.operator_actions, relay.tool_calls");
});

const get = (path: string, token = OPERATOR): Promise<Response> =>
  fetch(`${receiver.url}${path}`, { headers: bearer(token) });
const page = async (path: string): Promise<string> => (await get(path)).text();
const list = async (query: string): Promise<ActionList> =>
  (await get(`/api/audit/actions?${query}`)).json() as Promise<ActionList>;
const idsOf = async (query: string): Promise<readonly string[]> =>
  (await list(query)).actions.map(({ target }) => target);

const done = (target: string, action: string, actor: string, agoMs = 0, detail: Record<string, unknown> = {}) =>
  db()
    .insert(operatorActions)
    .values({ atMs: Date.now() - agoMs, actor, action, target, detail });

test("tells who did what to what, when and why, and what came of it; newest first", async () => {
  await done("r1", "run.replay", "operator anna", 0, { from: "failed", version: "newest", reason: "mended" });
  await done("read-new-files", "rule.pause", "admin");
  expect((await list("")).actions).toMatchObject([
    { who: "admin", action: "rule.pause", target: "read-new-files", reason: null, outcome: "" },
    {
      who: "operator anna",
      action: "run.replay",
      target: "r1",
      reason: "mended",
      outcome: "from failed, version newest",
    },
  ]);
  const told = await page("/audit");
  expect(told).toContain('href="/runs/r1"');
  expect(told).toContain('href="/rules#rule-read-new-files"');
  expect(told).toContain('data-live="audit"');
});

test("is narrowed by who, action, target and time", async () => {
  await done("old", "run.replay", "operator Anna", 50 * HOUR_MS);
  await done("new", "run.cancel", "operator anna");
  await done("other", "rule.pause", "operator bob");
  expect(await idsOf("who=ANNA")).toEqual(["new", "old"]);
  expect(await idsOf("action=run")).toEqual(["new", "old"]);
  expect(await idsOf("action=run.replay")).toEqual(["old"]);
  expect(await idsOf("action=ru")).toEqual([]);
  expect(await idsOf("target=other")).toEqual(["other"]);
  expect(await idsOf("since=24h")).toEqual(["other", "new"]);
  expect(await idsOf("until=24h")).toEqual(["old"]);
  expect(await idsOf("who=%25")).toEqual([]);
  expect(await page("/audit?who=bob&action=&target=")).not.toContain("operator anna");
});

test("what was done to a run is told with what was done to its link, on the page and in the export", async () => {
  await done("r1", "run.replay", "operator");
  await done("4145065000144716226", "share.revoke", "operator", 0, { run: "r1", reason: "sent to the wrong person" });
  await done("r2", "run.replay", "operator");
  expect(await idsOf("target=r1")).toEqual(["4145065000144716226", "r1"]);
  const exported = await page("/api/audit?what=operators&format=json&run=r1");
  expect(
    exported
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).did),
  ).toEqual(["run.replay", "share.revoke"]);
});

test("page by page everything is told once", async () => {
  for (let at = 0; at < 7; at += 1) await done(`t${at}`, "run.replay", "operator");
  const told: string[] = [];
  let next: number | null = null;
  do {
    const page: ActionList = await list(`limit=3${next === null ? "" : `&before=${next}`}`);
    told.push(...page.actions.map(({ target }) => target));
    next = page.next;
  } while (next !== null);
  expect(told).toEqual(["t6", "t5", "t4", "t3", "t2", "t1", "t0"]);
});

test.each(["since=yesterday", "before=0", "limit=9999", "who=%00", "colour=red", `who=${"x".repeat(201)}`])(
  "%s is refused by the API, and the page says so",
  async (query) => {
    expect((await get(`/api/audit/actions?${query}`)).status).toBe(400);
    expect((await get(`/audit?${query}`)).status).toBe(400);
  },
);

test("what people named and wrote is text, and it is for operators", async () => {
  const hostile = `<script>alert(1)</script>`;
  await done(hostile, "run.replay", hostile, 0, { reason: hostile, from: hostile });
  const told = await page(`/audit?who=${encodeURIComponent("<script>")}`);
  expect(told).toContain("&lt;script&gt;alert(1)");
  expect(told).not.toContain("<script>alert");
  for (const path of ["/audit", "/api/audit/actions", "/audit?of=tools"]) {
    expect((await get(path, VIEWER)).status).toBe(403);
    expect((await fetch(`${receiver.url}${path}`)).status).toBe(401);
  }
});

test("what agents called stands beside it, and is exported", async () => {
  await db()
    .insert(toolCalls)
    .values({
      ...{ id: "c1", atMs: 1_000, caller: "writer", via: "mcp", operation: "createShare", target: "=1+1", status: 200 },
      endedAtMs: 2_000,
    });
  expect(await page("/audit?of=tools")).toContain("createShare (mcp)");
  const lines = (await page("/api/audit?what=tools")).trimEnd().split("\r\n");
  expect(lines[0]).toBe('"at","who","called","via","about","requestId","status","code"');
  expect(lines[1]).toContain(`"'=1+1"`);
});
