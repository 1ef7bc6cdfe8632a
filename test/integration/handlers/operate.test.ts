import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FLOOD_HELD } from "../../../src/ledger/flood.ts";
import { appStates, type NewRun, operatorActions, runs } from "../../../src/ledger/schema.ts";
import { createRuns } from "../../support/create-runs.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import { bearer, OPERATOR, openReceiver, type Receiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

let receiver: Receiver;
const db = () => receiver.ledger.db;

beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute("truncate relay.runs, relay.rule_states, relay.app_states, relay.operator_actions");
});

const given = async (id: string, change: Partial<NewRun> = {}): Promise<void> => {
  await createRuns(db(), "ev-none", [runNamed(id)], { status: "routed", reasons: {} }, NOW_MS);
  await db().update(runs).set(change).where(eq(runs.id, id));
};
const FAILED = { status: "failed", queue: null, finishedAtMs: 1 } as const;

const ask = (path: string, body?: object, token = OPERATOR): Promise<Response> =>
  fetch(`${receiver.url}${path}`, {
    method: "POST",
    headers: { ...bearer(token), "relay-operator": "anna" },
    ...(body && { body: JSON.stringify(body) }),
  });
/** As the form of a page is sent. */
const send = (path: string, fields: Readonly<Record<string, string>>, token = OPERATOR): Promise<Response> =>
  fetch(`${receiver.url}${path}`, {
    method: "POST",
    redirect: "manual",
    headers: { ...bearer(token), "relay-operator": "anna" },
    body: new URLSearchParams(fields),
  });
const page = async (path: string, token = OPERATOR): Promise<string> =>
  (await fetch(`${receiver.url}${path}`, { headers: bearer(token) })).text();
const runOf = async (id: string) => (await db().select().from(runs).where(eq(runs.id, id)))[0];
const actions = () => db().select().from(operatorActions).orderBy(operatorActions.id);

/** Control characters, halves of characters and markup: all of what a reason may be. */
const HOSTILE = `<script>alert(1)</script> "'\u0000\n\r\ud800${"x".repeat(900)}`;

describe("a replay", () => {
  test("takes the rule as the file has it now, unless it is asked for as it was", async () => {
    const old = runNamed("r1").rule;
    await given("r1", {
      ...FAILED,
      rule: { ...old, deliver: { ...old.deliver, title: "as it was" } },
      workflowVersionId: "v7",
    });
    expect(await (await ask("/api/runs/r1/replay", { version: "same" })).json()).toEqual({
      run: "r1",
      status: "queued",
      note: null,
    });
    expect(await runOf("r1")).toMatchObject({ pinnedVersionId: "v7", rule: { deliver: { title: "as it was" } } });

    await db().update(runs).set(FAILED);
    await ask("/api/runs/r1/replay", { reason: "the title is mended" });
    const again = await runOf("r1");
    expect(again).toMatchObject({ pinnedVersionId: null, rule: { name: "read-new-files" } });
    expect(again?.rule.deliver.title).not.toBe("as it was");
    expect(await actions()).toMatchObject([
      { actor: "operator anna", action: "run.replay", detail: { from: "failed", version: "same" } },
      { actor: "operator anna", detail: { version: "newest", reason: "the title is mended" } },
    ]);
  });

  test("says what could not be had of the version that was asked for", async () => {
    await given("r1", FAILED);
    expect(await (await ask("/api/runs/r1/replay", { version: "same" })).json()).toMatchObject({
      note: expect.stringMatching(/did not tell which version/),
    });
    await db()
      .update(runs)
      .set({ ...FAILED, ruleName: "a-rule-of-old" });
    expect(await (await ask("/api/runs/r1/replay")).json()).toMatchObject({
      note: expect.stringMatching(/does not have the rule any more/),
    });
  });

  test("by a rule that delivers otherwise now is refused, and changes nothing", async () => {
    const old = runNamed("r1").rule;
    await given("r1", { ...FAILED, rule: { ...old, deliver: { ...old.deliver, as: "drop-off" } }, folderNodeId: "f1" });
    const refused = await ask("/api/runs/r1/replay");
    expect(refused.status).toBe(409);
    expect(await refused.json()).toEqual({ error: expect.stringMatching(/delivers as share now.*stands as drop-off/) });
    expect(await runOf("r1")).toMatchObject({ status: "failed", generation: 0 });
    expect((await ask("/api/runs/r1/replay", { version: "same" })).status).toBe(200);
  });

  test("asked for twice by the same form begins once, also when it has failed again in between", async () => {
    await given("r1", FAILED);
    const [, seen = ""] = /name="seen" value="(\d+)"/.exec(await page("/runs/r1")) ?? [];
    const answers = await Promise.all(
      [1, 2, 3].map(() => send("/runs/r1/replay", { seen, version: "newest", reason: "" })),
    );
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303]);
    expect(await runOf("r1")).toMatchObject({ status: "queued", generation: 1 });
    await db().update(runs).set(FAILED);
    expect((await send("/runs/r1/replay", { seen, version: "newest", reason: "" })).status).toBe(303);
    expect(await runOf("r1")).toMatchObject({ status: "failed", generation: 1 });
    expect((await ask("/api/runs/r1/replay", { seen: Number(seen) })).status).toBe(409);
    expect(await actions()).toHaveLength(1);
  });

  test.each([{ version: "oldest" }, { seen: -1 }, { because: "x" }, { reason: "x".repeat(2_001) }])(
    "with %j is refused",
    async (body) => {
      await given("r1", FAILED);
      expect((await ask("/api/runs/r1/replay", body)).status).toBe(400);
      expect(await runOf("r1")).toMatchObject({ status: "failed" });
    },
  );
});

describe("a held run", () => {
  test("is let go alone and once, while the others stay held", async () => {
    const held = { status: "held", queue: null, errorCode: FLOOD_HELD } as const;
    await given("r1", held);
    await given("r2", held);
    expect(await page("/runs/r1")).toContain('action="/runs/r1/release"');
    expect(await page("/runs/r1", VIEWER)).not.toContain('<form method="post" action="/runs');
    expect(await (await ask("/api/runs/r1/release", { reason: "urgent" })).json()).toEqual({
      run: "r1",
      status: "queued",
    });
    expect((await ask("/api/runs/r1/release")).status).toBe(409);
    expect(await runOf("r1")).toMatchObject({ status: "queued", queue: "runs", errorCode: null });
    expect(await runOf("r2")).toMatchObject({ status: "held" });
    expect(await actions()).toMatchObject([
      { action: "run.release", target: "r1", detail: { held: FLOOD_HELD, reason: "urgent" } },
    ]);
    expect((await ask("/api/runs/none/release")).status).toBe(404);
    expect((await ask("/api/runs/r2/release", {}, VIEWER)).status).toBe(403);
  });

  test("of a paused rule waits for the rule", async () => {
    await given("r1", { status: "held", queue: null });
    await ask("/api/rules/read-new-files/pause");
    const refused = await ask("/api/runs/r1/release");
    expect(refused.status).toBe(409);
    expect(await refused.json()).toEqual({ error: expect.stringMatching(/resume the rule/) });
  });
});

describe("the page of the rules", () => {
  test("pauses and resumes a rule with a reason, which stands there as text; sent twice, it is one deed", async () => {
    const pause = () => send("/rules/read-new-files/pause", { reason: HOSTILE });
    for (const answer of [await pause(), await pause()]) {
      expect(answer.status).toBe(303);
      expect(answer.headers.get("location")).toBe("/rules#rule-read-new-files");
    }
    const told = await page("/rules");
    expect(told).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(told).not.toContain("<script>alert");
    expect(told).toContain("by operator anna");
    expect(told).toContain('action="/rules/read-new-files/resume"');
    expect((await send("/rules/read-new-files/resume", { reason: "" })).status).toBe(303);
    expect((await send("/rules/read-new-files/resume", { reason: "" })).status).toBe(303);
    const written = await actions();
    expect(written.map(({ action }) => action)).toEqual(["rule.pause", "rule.resume"]);
    expect([...String(written[0]?.detail["reason"])].length).toBe(200);
    expect((await send("/rules/none/pause", { reason: "" })).status).toBe(404);
    expect((await send("/rules/read-new-files/pause", { reason: "" }, VIEWER)).status).toBe(403);
  });

  test("tells what became of the runs of the last day, and shows a viewer no forms", async () => {
    const now = { finishedAtMs: Date.now() };
    await given("r1", { ...FAILED, ...now });
    await given("r2", { status: "delivered", queue: null, ...now });
    await given("r3", { status: "held", queue: null, errorCode: FLOOD_HELD });
    await given("r4", { ...FAILED, finishedAtMs: Date.now() - 90_000_000 });
    const { rules } = (await (await fetch(`${receiver.url}/api/rules`, { headers: bearer(VIEWER) })).json()) as {
      readonly rules: readonly object[];
    };
    expect(rules).toMatchObject([
      {
        lastDay: { delivered: 1, failed: 1, dropped: 0 },
        open: { held: 1, waiting: 0 },
        floodHeld: 1,
        keyVariable: "DIFY_API_KEY",
      },
    ]);
    const told = await page("/rules");
    expect(told).toContain("1 delivered");
    expect(told).toContain('href="/runs?rule=read-new-files&status=failed"');
    expect(told).toContain("Release 1 held");
    expect(await page("/rules", VIEWER)).not.toContain('action="/rules');
  });

  test("pauses an app by its name or the variable of its key, and nothing that no rule has", async () => {
    const { apps } = (await (await fetch(`${receiver.url}/api/apps`, { headers: bearer(VIEWER) })).json()) as {
      readonly apps: readonly { readonly app: string }[];
    };
    const app = apps[0]?.app ?? "";
    expect(apps).toEqual([
      expect.objectContaining({ variables: ["DIFY_API_KEY"], rules: ["read-new-files"], state: "active", taken: 0 }),
    ]);
    expect(app).toMatch(/^[0-9a-f]{12}$/);
    expect(await (await ask("/api/apps/DIFY_API_KEY/pause", { reason: HOSTILE })).json()).toEqual({
      app,
      state: "paused",
    });
    for (const path of ["/rules", "/"]) expect(await page(path)).toContain("&lt;script&gt;alert(1)");
    const resumed = await send(`/apps/${app}/resume`, { reason: "" });
    expect([resumed.status, resumed.headers.get("location")]).toEqual([303, "/rules#apps"]);
    for (const unknown of ["PATH", "abcdef012345", "__proto__", "%00"])
      expect((await ask(`/api/apps/${unknown}/pause`)).status).toBe(404);
    expect((await ask(`/api/apps/${app}/pause`, {}, VIEWER)).status).toBe(403);
    expect(await db().select().from(appStates)).toMatchObject([{ app, state: "active", changedBy: "operator anna" }]);
    expect((await actions()).map(({ action, target }) => [action, target])).toEqual([
      ["app.pause", app],
      ["app.resume", app],
    ]);
  });

  test("tries a rule on the past, for operators only, and starts nothing", async () => {
    const tried = await page("/rules/read-new-files/backtest");
    expect(tried).toContain("What read-new-files would have made of the last 30 days");
    expect(tried).toContain("Nothing was started.");
    const status = async (path: string, token = OPERATOR): Promise<number> =>
      (await fetch(`${receiver.url}${path}`, { headers: bearer(token) })).status;
    expect(await status("/rules/none/backtest")).toBe(404);
    expect(await status("/rules/read-new-files/backtest", VIEWER)).toBe(403);
    expect(await db().$count(runs)).toBe(0);
  });
});
