import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";

import { endAnswer, openAnswers, saveAsked } from "../../../src/ledger/answers.ts";
import { createRuns } from "../../../src/ledger/create-runs.ts";
import { recordPull, recordPullFailure } from "../../../src/ledger/pull-states.ts";
import { setRuleState } from "../../../src/ledger/rule-state-queries.ts";
import { leaveOut } from "../../../src/ledger/run-files.ts";
import type { RunNode } from "../../../src/ledger/run-nodes.ts";
import {
  accesses,
  type EventRow,
  events,
  operatorActions,
  ruleStates,
  runs,
  signaturePins,
} from "../../../src/ledger/schema.ts";
import { pinSignature } from "../../../src/ledger/signature-pins.ts";
import { SOON } from "../../support/soon.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import { bodyOf, deliver, openReceiver, type Receiver } from "./open-receiver.ts";

const VIEWER = "viewer-token-0123456789";
const OPERATOR = "operator-token-0123456789";
const ADMIN = "admin-token-0123456789";

const NODE: RunNode = {
  nodeId: "n1",
  title: "Translate",
  type: "llm",
  status: "succeeded",
  startedAtMs: null,
  elapsedMs: 2_500,
  times: 1,
  round: null,
  error: null,
};

let receiver: Receiver;
const db = () => receiver.ledger.db;

beforeAll(async () => {
  receiver = await openReceiver({ RELAY_TOKENS: `viewer:${VIEWER},operator:${OPERATOR},admin:${ADMIN}` });
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute("truncate relay.runs, relay.rule_states, relay.operator_actions");
});

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`${receiver.url}${path}`, { headers, redirect: "manual" });
const post = (path: string, token?: string): Promise<Response> =>
  fetch(`${receiver.url}${path}`, {
    method: "POST",
    redirect: "manual",
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
const bearer = (token: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${token}` });
const given = (...wanted: Parameters<typeof createRuns>[2]) =>
  createRuns(db(), "ev-none", wanted, { status: "routed", reasons: {} }, NOW_MS);

/** What stands on a page below one heading. */
function sectionOf(page: string, heading: string): string {
  const [, section] = page.split(`<h2>${heading}</h2>`);
  if (section === undefined) throw new Error(`the page has no heading "${heading}"`);
  return section.split("<h2>", 1).join("");
}

const PROTECTED = [
  "/",
  "/runs",
  "/runs/r1",
  "/api/runs",
  "/api/runs/r1",
  "/runs/r1/answer",
  "/api/runs/r1/answer",
  "/api/sources",
  "/rules",
  "/api/rules",
  "/api/shares",
  "/api/shares/r1",
  "/api/audit",
  "/events",
  "/events/ev-1",
  "/api/events",
  "/api/events/ev-1",
  "/queues",
  "/queues/api/queues",
];

describe("who gets in", () => {
  test.each(PROTECTED)("%s needs a token", async (path) => {
    for (const headers of [{}, bearer("wrong"), { cookie: "relay_token=wrong" }, { authorization: "Basic eDp5" }]) {
      const answer = await get(path, headers);
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain(VIEWER);
    }
    expect((await get(`${path}?token=wrong`)).status).toBe(401);
  });

  test.each(["/", "/runs", "/api/runs"])("%s opens for each role", async (path) => {
    for (const token of [VIEWER, OPERATOR, ADMIN]) expect((await get(path, bearer(token))).status).toBe(200);
  });

  test("what changes things, and the queues, need an operator", async () => {
    expect((await get("/queues", bearer(VIEWER))).status).toBe(403);
    expect((await get("/queues/api/queues", bearer(VIEWER))).status).toBe(403);
    expect((await get("/queues", bearer(OPERATOR))).status).toBe(200);
    expect((await get("/queues", bearer(ADMIN))).status).toBe(200);
    for (const path of [
      "/api/rules/read-new-files/pause",
      "/api/rules/read-new-files/resume",
      "/api/rules/read-new-files/release",
      "/api/runs/r1/replay",
      "/api/runs/r1/cancel",
      "/api/runs/r1/look-again",
      "/api/shares/r1/revoke",
    ]) {
      expect((await post(path)).status).toBe(401);
      const forbidden = await post(path, VIEWER);
      expect(forbidden.status).toBe(403);
      expect(await forbidden.json()).toEqual({
        error: "This needs the role operator; the token given has the role viewer.",
      });
    }
    expect((await post("/runs/r1/cancel", VIEWER)).status).toBe(403);
    expect((await post("/shares/r1/revoke", VIEWER)).status).toBe(403);
    expect((await get("/api/audit", bearer(VIEWER))).status).toBe(403);
    // To give everything away takes more.
    for (const base of ["/runs", "/api/runs"]) {
      expect((await post(`${base}/r1/claim-link`, OPERATOR)).status).toBe(403);
      expect((await post(`${base}/r1/claim-link`, ADMIN)).status).toBe(404);
    }
    expect(await db().$count(operatorActions)).toBe(0);
  });

  test("the audit trail refuses what it does not know, and exports names that are no formulas", async () => {
    expect((await get("/api/audit?format=xml", bearer(OPERATOR))).status).toBe(400);
    expect((await get("/api/audit?since=1d", bearer(OPERATOR))).status).toBe(400);
    for (const what of ["accesses", "operators"])
      for (const name of ["run", "share", "rule"])
        for (const control of ["%00", "r1%0a", "%7f"])
          expect((await get(`/api/audit?what=${what}&${name}=${control}`, bearer(OPERATOR))).status).toBe(400);
    await post("/api/rules/read-new-files/pause", OPERATOR);
    await db()
      .insert(operatorActions)
      .values({ atMs: 1, actor: "=HYPERLINK(1)", action: "x", target: 'a"b', detail: {} });
    const answer = await get("/api/audit?what=operators", bearer(OPERATOR));
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    const lines = (await answer.text()).trimEnd().split("\r\n");
    expect(lines[0]).toBe('"at","who","did","target","detail"');
    expect(lines).toContain('"1970-01-01T00:00:00.001Z","\'=HYPERLINK(1)","x","a""b","{}"');
  });

  test("a link with the token becomes a cookie, and the token leaves the address", async () => {
    const answer = await get(`/runs?status=failed&token=${VIEWER}`);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/runs?status=failed");
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    expect(cookie).not.toMatch(/Secure/);
    expect((await get("/runs", { cookie: cookie.split(";")[0] ?? "" })).status).toBe(200);
    expect((await get("/queues", { cookie: cookie.split(";")[0] ?? "" })).status).toBe(403);
  });

  describe("what a cookie lets change", () => {
    const COOKIE = `relay_token=${OPERATOR}`;
    const PATHS = ["/api/rules/read-new-files/pause", "/runs/r1/replay", "/queues/api/queues/runs/pause"];
    const send = async (path: string, headers: Readonly<Record<string, string>>, method = "POST"): Promise<number> =>
      (await fetch(`${receiver.url}${path}`, { method, redirect: "manual", headers })).status;

    test.each<Readonly<Record<string, string>>>([
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", origin: "own" },
      { origin: "http://127.0.0.1:1" },
      { origin: "https://sibling.example.com" },
      { origin: "null" },
      {},
    ])("is nothing when another page sent it: %j", async ({ origin, ...others }) => {
      const headers = {
        cookie: COOKIE,
        ...others,
        ...(origin && { origin: origin === "own" ? receiver.url : origin }),
      };
      for (const path of PATHS) expect(await send(path, headers)).toBe(403);
      for (const method of ["PUT", "DELETE", "PATCH"])
        expect(await send("/queues/api/queues/runs/1/clean", headers, method)).toBe(403);
      expect(await db().select().from(operatorActions)).toEqual([]);
      expect(await send("/runs", headers, "GET")).toBe(200);
    });

    test("is told by the browser to come from our own page, or from the person", async () => {
      const path = "/api/rules/read-new-files/pause";
      for (const site of ["same-origin", "none"])
        expect(await send(path, { cookie: COOKIE, "sec-fetch-site": site })).toBe(200);
      expect(await send(path, { cookie: COOKIE, origin: new URL(receiver.url).origin })).toBe(200);
      expect((await get("/runs", bearer(VIEWER))).headers.get("referrer-policy")).toBe("same-origin");
    });

    test("is not asked of a bearer token, which no browser sends by itself", async () => {
      const headers = { ...bearer(OPERATOR), cookie: COOKIE, "sec-fetch-site": "cross-site", origin: "null" };
      expect(await send("/api/rules/read-new-files/pause", headers)).toBe(200);
    });
  });

  test("behind TLS the cookie goes over TLS only, and the public address is ours", async () => {
    const secure = await openReceiver({
      RELAY_TOKENS: `operator:${OPERATOR}`,
      PUBLIC_URL: "https://relay.example.com/",
    });
    onTestFinished(secure.close);
    const answer = await fetch(`${secure.url}/?token=${OPERATOR}`, { redirect: "manual" });
    expect(answer.headers.get("set-cookie")).toMatch(/Secure/);
    const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
    const pauseFrom = async (origin: string): Promise<number> =>
      (await fetch(`${secure.url}/api/rules/read-new-files/pause`, { method: "POST", headers: { cookie, origin } }))
        .status;
    expect(await pauseFrom("https://relay.example.com")).toBe(200);
    expect(await pauseFrom("http://relay.example.com")).toBe(403);
  });

  test("a link cannot change anything: only GET takes the token from the address", async () => {
    expect((await post(`/api/rules/read-new-files/pause?token=${OPERATOR}`)).status).toBe(401);
  });

  test("without RELAY_TOKENS nobody gets in, and each page says how to set them", async () => {
    const closed = await openReceiver();
    onTestFinished(closed.close);
    for (const path of PROTECTED) {
      const answer = await fetch(`${closed.url}${path}`, { headers: bearer(OPERATOR) });
      expect(answer.status).toBe(503);
      expect(await answer.text()).toContain("RELAY_TOKENS=operator:");
    }
    expect((await fetch(`${closed.url}/healthz`)).status).toBe(200);
  });
});

describe("rules by hand", () => {
  test("a paused rule is resumed, its held runs go on, and both are written down", async () => {
    await given(runNamed("r1", { status: "held", queue: null }));
    const paused = await post("/api/rules/read-new-files/pause", OPERATOR);
    expect(await paused.json()).toEqual({ rule: "read-new-files", state: "paused", released: 0 });
    const page = await (await get("/", bearer(VIEWER))).text();
    expect(page).toContain("paused by an operator");

    const resumed = await post("/api/rules/read-new-files/resume", OPERATOR);
    expect(await resumed.json()).toEqual({ rule: "read-new-files", state: "active", released: 1 });
    expect(await db().select().from(runs)).toMatchObject([{ status: "queued", queue: "runs" }]);
    expect(await (await post("/api/rules/read-new-files/resume", OPERATOR)).json()).toMatchObject({ released: 0 });
    const written = await db().select().from(operatorActions).orderBy(operatorActions.id);
    expect(written.map(({ action, target, actor }) => [action, target, actor])).toEqual([
      ["rule.pause", "read-new-files", "operator"],
      ["rule.resume", "read-new-files", "operator"],
      ["rule.resume", "read-new-files", "operator"],
    ]);
  });

  test.each(["no-such-rule", "%00", "__proto__", "a%2Fb", "constructor"])(
    "the rule %s is not known: 404",
    async (rule) => {
      expect((await post(`/api/rules/${rule}/pause`, OPERATOR)).status).toBe(404);
      expect(await db().$count(ruleStates)).toBe(0);
    },
  );

  test("runs that a flood held are released once, though resuming leaves them; a paused rule stays paused", async () => {
    const wanted = ["r1", "r2", "r3"].map((id) => runNamed(id));
    await createRuns(db(), "ev-none", wanted, { status: "routed", reasons: {} }, NOW_MS, 1);
    const act = async (action: string) => (await post(`/api/rules/read-new-files/${action}`, OPERATOR)).json();
    expect(await act("resume")).toMatchObject({ released: 0 });
    await act("pause");
    expect(await act("release")).toEqual({ rule: "read-new-files", state: "paused", released: 2 });
    expect(await act("release")).toMatchObject({ released: 0 });
    expect(await db().$count(operatorActions, eq(operatorActions.action, "rule.release"))).toBe(2);
    expect((await post("/api/rules/no-such-rule/release", OPERATOR)).status).toBe(404);
  });

  test("what an admin does by hand is written down as an admin's", async () => {
    await given(runNamed("r1"));
    await db().update(runs).set({ status: "failed", queue: null });
    expect((await post("/api/rules/read-new-files/pause", ADMIN)).status).toBe(200);
    expect((await post("/api/runs/r1/replay", ADMIN)).status).toBe(200);
    expect(await db().select().from(ruleStates)).toMatchObject([{ changedBy: "admin" }]);
    const written = await db().select().from(operatorActions).orderBy(operatorActions.id);
    expect(written).toMatchObject([
      { action: "rule.pause", actor: "admin" },
      { action: "run.replay", actor: "admin", detail: { from: "failed" } },
    ]);
  });

  test("the page of a batch names its files, and why one was left out", async () => {
    const { rule, ...rest } = runNamed("file-1");
    const run = { ...rest, rule: { ...rule, run: { ...rule.run, group: "batch" as const } } };
    const more = { ...run, id: "file-2", nodeId: "another", fileName: "second.csv" };
    const [batch] = await createRuns(db(), "ev-none", [run], { status: "routed", reasons: {} }, NOW_MS);
    await createRuns(db(), "ev-none", [more], { status: "routed", reasons: {} }, NOW_MS);
    await leaveOut(db(), batch?.id ?? "", [{ fileKey: "file-2", reason: "it is <gone>" }]);
    const page = await (await get(`/runs/${batch?.id}`, bearer(VIEWER))).text();
    expect(page).toContain("second.csv");
    expect(page).toContain("left out: it is &lt;gone&gt;");
  });
});

describe("pages and API", () => {
  test.each(["unknown", "%00", "..%2f..%2fetc", "%E0%A4%A", "a".repeat(5_000), "r1'--"])(
    "a run called %s is not there: 404, not a failure",
    async (id) => {
      expect((await get(`/api/runs/${id}`, bearer(VIEWER))).status).toBe(404);
      expect((await get(`/runs/${id}`, bearer(VIEWER))).status).toBe(404);
      expect((await post(`/api/runs/${id}/replay`, OPERATOR)).status).toBe(404);
    },
  );

  test("what senders and users name never becomes markup", async () => {
    const hostile = `<script>alert(1)</script>"'&.csv`;
    await given(
      runNamed("r1", {
        fileName: hostile,
        folderPath: "/<b>in</b>",
        workspaceName: "<i>ws</i>",
        mimeType: "<u>type</u>",
        status: "failed",
        queue: null,
        errorMessage: "<img src=x onerror=alert(1)>",
        nextAction: "<svg onload=alert(1)>",
        warning: "<em>",
        nodes: [{ ...NODE, title: "<b>node</b>", type: "<i>type</i>", error: "<u>error</u>", status: "failed" }],
        shareUrl: "javascript:alert(1)",
      }),
    );
    await setRuleState(db(), {
      ruleName: "<s>rule</s>",
      state: "paused",
      reason: "<b>why</b>",
      nextAction: "<b>then</b>",
      changedBy: "relay",
      sinceMs: NOW_MS,
    });
    for (const path of ["/", "/runs", "/runs/r1"]) {
      const answer = await get(path, bearer(VIEWER));
      const page = await answer.text();
      expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;.csv");
      expect(page).not.toMatch(/<(script|img|svg|b>in|i>ws|u>type|em>|s>rule|b>why|b>then|b>node|i>type|u>error)/);
      expect(page).not.toContain('href="javascript:');
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    }
    const told = (await (await get("/api/runs", bearer(VIEWER))).json()) as { readonly runs: unknown[] };
    expect(told.runs).toMatchObject([{ file: hostile, error: "<img src=x onerror=alert(1)>" }]);
  });

  test("a failed run tells on its page and by the API which node failed, why, and how many tokens it took", async () => {
    const nodes = [NODE, { ...NODE, nodeId: "n2", title: "Summarise", status: "failed" as const, error: "boom" }];
    await given(
      runNamed("r1", {
        status: "failed",
        queue: null,
        errorCode: "dify_run_failed",
        errorStep: "workflow",
        errorMessage: 'the workflow failed in "Summarise": boom',
        totalTokens: 1_234,
        nodes,
      }),
    );
    const page = await (await get("/runs/r1", bearer(VIEWER))).text();
    for (const words of ["failed in &quot;Summarise&quot;: boom", "1234", "failed: boom", "Translate", "2.5 s"])
      expect(page).toContain(words);
    const told = await (await get("/api/runs/r1", bearer(VIEWER))).json();
    expect(told).toMatchObject({ totalTokens: 1_234, errorStep: "workflow", errorCode: "dify_run_failed", nodes });
  });

  test("the answers to a rule's questions stand on its run's page, and why one has none", async () => {
    await given(runNamed("asked", { status: "delivered", queue: null }));
    const [parties] = await openAnswers(db(), { runId: "asked", phase: "before" }, ["parties"], NOW_MS);
    const [cleaned] = await openAnswers(db(), { runId: "asked", phase: "after" }, ["cleaned"], NOW_MS);
    if (!parties || !cleaned) throw new Error("no questions");
    const handle = { family: "agent", workspaceId: "3", chatId: "c", messageId: "m" } as const;
    await saveAsked(db(), parties, { question: "Who <signs>?", handle, note: null }, NOW_MS);
    const foundIn = [{ name: "lease <1>.pdf", page: 2 }];
    await endAnswer(db(), parties, { state: "answered", text: "Anna <b>& Otto</b>", foundIn }, NOW_MS);
    await endAnswer(db(), cleaned, { state: "unanswered", note: "the answer was <empty>" }, NOW_MS);
    const page = await (await get("/runs/asked", bearer(VIEWER))).text();
    const section = sectionOf(page, "Questions to Fast.io");
    expect(section).toContain("Who &lt;signs&gt;?");
    expect(section).toContain("parties, answered; found in lease &lt;1&gt;.pdf");
    expect(section).toContain("<pre>Anna &lt;b&gt;&amp; Otto&lt;/b&gt;</pre>");
    expect(section).toMatch(/<li>cleaned <span[^>]*>cleaned, no answer; the answer was &lt;empty&gt;<\/span><\/li>/);
  });

  test("who opened what a run delivered stands on its page, the latest first", async () => {
    const shared = { status: "delivered", queue: null, shareId: "share-1", shareUrl: "https://go.example/s" } as const;
    await given(runNamed("shared", shared));
    const opened = async () => sectionOf(await (await get("/runs/shared", bearer(VIEWER))).text(), "Who opened it");
    expect(await opened()).toContain("Nobody yet, as far as Fast.io tells.");
    const access = { runId: "shared", ruleName: "read-new-files", shareId: "share-1", kind: "file.accessed" };
    await db()
      .insert(accesses)
      .values([
        { ...access, key: "a1", objectName: "early.csv", searchedAtMs: NOW_MS, atMs: NOW_MS },
        { ...access, key: "a2", objectName: "<late>.csv", actorEmail: "<pat>@example.test", atMs: NOW_MS + 60_000 },
        { ...access, key: "other", runId: "r-other", objectName: "not-ours.csv", atMs: NOW_MS },
      ]);
    const section = await opened();
    expect(section).toMatch(
      /<td>&lt;pat&gt;@example\.test<\/td><td>read<\/td><td>&lt;late&gt;\.csv<\/td>[\s\S]*<td>anonymous<\/td><td>read<\/td><td>early\.csv<\/td>/,
    );
    expect(section).not.toContain("not-ours.csv");
  });

  test("a node at work is told with its time so far while the run goes on, and as unknown once it does not", async () => {
    const nodes = [
      { ...NODE, status: "running" as const, startedAtMs: Date.now() - 90_000, round: 3, times: 0, elapsedMs: 0 },
    ];
    await given(
      runNamed("r1", { status: "running", progress: "Translate, round 3", nodes }),
      runNamed("r2", { status: "cancelled", queue: null, nodes }),
    );
    const page = await (await get("/runs/r1", bearer(VIEWER))).text();
    for (const words of ["Translate, round 3", "running", "for 90.", "round 3"]) expect(page).toContain(words);
    const ended = (await (await get("/api/runs/r2", bearer(VIEWER))).json()) as { readonly nodes: unknown[] };
    expect(ended.nodes).toMatchObject([{ status: "unknown", startedAtMs: null }]);
  });

  test("page by page the API tells every run once, though many were made in one millisecond", async () => {
    await given(...Array.from({ length: 11 }, (_, index) => runNamed(`r${index}`)));
    const seen: string[] = [];
    for (let next: string | null = ""; next !== null; ) {
      const path: string = `/api/runs?limit=4${next === "" ? "" : `&before=${next}`}`;
      const told = (await (await get(path, bearer(VIEWER))).json()) as { runs: { id: string }[]; next: string | null };
      seen.push(...told.runs.map(({ id }) => id));
      next = told.next;
    }
    expect(seen).toHaveLength(11);
    expect(new Set(seen).size).toBe(11);
  });

  test.each([
    "limit=0",
    "limit=x",
    "limit=1e9",
    "before=x",
    "before=-1",
    "before=9e99-r",
    "status=nonsense",
    "__proto__=x",
  ])("an address somebody mistyped (?%s) still answers", async (query) => {
    await given(runNamed("r1"));
    const answer = await get(`/api/runs?${query}`, bearer(VIEWER));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ runs: [{ id: "r1" }] });
  });

  test("each workspace tells what came by webhook, what was found, and what only catch-up found", async () => {
    const body = bodyOf("told");
    expect((await deliver(receiver.url, body)).status).toBe(202);
    const lost = { ...(await db().query.events.findFirst()), key: "lost", id: "lost", source: "changes" } as EventRow;
    await db()
      .insert(events)
      .values({ ...lost, pulledAtMs: Date.now() });
    const workspace = { id: "3117763504443666597", name: "<b>Contracts</b>" };
    await recordPull(db(), workspace, { source: "search", atMs: Date.now() });
    await recordPullFailure(
      db(),
      { id: "4", name: "Closed" },
      { code: "forbidden", message: "fastio.events.search: not allowed", nextAction: "Give the key access." },
      NOW_MS,
    );
    // It is noted after the answer.
    await vi.waitFor(async () => expect(await db().$count(signaturePins)).toBe(1), SOON);
    const told = await (await get("/api/sources?hours=1", bearer(VIEWER))).json();
    expect(told).toMatchObject({
      hours: 1,
      workspaces: expect.arrayContaining([
        expect.objectContaining({
          workspaceId: workspace.id,
          workspaceName: workspace.name,
          received: 1,
          found: 1,
          recovered: 1,
          source: "search",
          error: null,
        }),
        expect.objectContaining({ workspaceId: "4", received: 0, recovered: 0, nextAction: "Give the key access." }),
      ]),
    });
    const page = await (await get("/", bearer(VIEWER))).text();
    expect(page).toContain("&lt;b&gt;Contracts&lt;/b&gt;");
    expect(page).toMatch(/Cannot be read since [^<]*not allowed<br>Give the key access/);
    expect(page).toMatch(/Deliveries under the secret [0-9a-f]{12}… are signed as fastio-signature \(key: literal\)\./);
    const print = (told as { readonly signatures: readonly { readonly secretPrint: string }[] }).signatures[0];
    await pinSignature(
      db(),
      { secretPrint: print?.secretPrint ?? "", scheme: "x-fastio-signature", keyForm: undefined },
      NOW_MS,
    );
    const later = await (await get("/", bearer(VIEWER))).text();
    expect(later).toMatch(/signed as x-fastio-signature since [^<]* before that as fastio-signature/);
    expect(await (await get("/api/sources?hours=-1", bearer(VIEWER))).json()).toMatchObject({ hours: 24 });
  });

  test("a run is cancelled with a reason, and asking again tells the same", async () => {
    await given(runNamed("r1", { status: "queued", queue: "runs" }));
    const cancel = () =>
      fetch(`${receiver.url}/api/runs/r1/cancel`, {
        method: "POST",
        headers: bearer(ADMIN),
        body: JSON.stringify({ reason: "a test" }),
      });
    const told = { run: "r1", status: "cancelled", note: expect.stringMatching(/\(a test\): no workflow/) };
    for (const answer of [await cancel(), await cancel()]) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual(told);
    }
    expect(await db().select().from(operatorActions)).toMatchObject([
      { actor: "admin", action: "run.cancel", target: "r1", detail: { from: "queued", reason: "a test" } },
    ]);
    const malformed = { method: "POST", headers: bearer(OPERATOR), body: '{"because":1}' };
    expect((await fetch(`${receiver.url}/api/runs/r1/cancel`, malformed)).status).toBe(400);
    expect((await post("/api/runs/none/cancel", OPERATOR)).status).toBe(404);
    expect((await post("/api/runs/r1/look-again", OPERATOR)).status).toBe(409);
  });

  test("a delivered run is not cancelled, and says where its share is", async () => {
    await given(
      runNamed("r1", { status: "delivered", queue: null, shareUrl: "https://go.example/s", finishedAtMs: 1 }),
    );
    const answer = await post("/api/runs/r1/cancel", OPERATOR);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toEqual({ error: expect.stringMatching(/delivered.*https:\/\/go\.example\/s/) });
  });

  test("the choices stand on the page of a run that was laid aside, for operators only", async () => {
    const parked = { status: "paused", queue: null, errorCode: "dify_run_lost", errorMessage: "lost" } as const;
    await given(runNamed("r1", parked));
    expect(await (await get("/runs/r1", bearer(VIEWER))).text()).not.toContain("<form");
    const page = await (await get("/runs/r1", bearer(OPERATOR))).text();
    for (const action of ["look-again", "replay", "cancel"]) expect(page).toContain(`action="/runs/r1/${action}"`);

    const form = await post("/runs/r1/look-again", OPERATOR);
    expect(form.status).toBe(303);
    expect(form.headers.get("location")).toBe("/runs/r1");
    expect(await db().select().from(runs)).toMatchObject([{ status: "running", queue: "runs", generation: 1 }]);
    expect(await db().select().from(operatorActions)).toMatchObject([{ action: "run.look_again", actor: "operator" }]);
  });

  test("what has no route is 404, and asks for nothing", async () => {
    for (const path of ["/nowhere", "/api", "/webhooks", "/webhooks/edge/x"]) {
      expect((await get(path)).status).toBe(404);
    }
  });
});

test("the rules tell their state and what they used", async () => {
  await setRuleState(db(), {
    ruleName: "read-new-files",
    state: "paused",
    reason: "the <key> is wrong",
    nextAction: "set it",
    changedBy: "relay",
    sinceMs: NOW_MS,
  });
  expect(await (await get("/api/rules", bearer(VIEWER))).json()).toEqual({
    rules: [
      {
        name: "read-new-files",
        state: "paused",
        reason: "the <key> is wrong",
        nextAction: "set it",
        shadow: false,
        workspace: "*",
        runsToday: 0,
        tokensToday: 0,
        runsPerDay: null,
        tokensPerDay: null,
      },
    ],
    refused: null,
  });
  const page = await (await get("/rules", bearer(VIEWER))).text();
  expect(page).toContain("the &lt;key&gt; is wrong");
});
