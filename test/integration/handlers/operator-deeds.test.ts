import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { setRuleState } from "../../../src/ledger/rule-state-queries.ts";
import { operatorActions, ruleStates, runs } from "../../../src/ledger/schema.ts";
import { createRuns } from "../../support/create-runs.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import { ADMIN, asking, bearer, OPERATOR, openReceiver, type Receiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

let receiver: Receiver;
const db = () => receiver.ledger.db;

beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute("truncate relay.runs, relay.rule_states, relay.operator_actions");
});

const { get, post } = asking(() => receiver);
const given = (...wanted: Parameters<typeof createRuns>[2]) =>
  createRuns(db(), "ev-none", wanted, { status: "routed", reasons: {} }, NOW_MS);

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
    expect(await db().$count(operatorActions, eq(operatorActions.action, "rule.release"))).toBe(1);
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
  expect(await (await get("/api/rules", bearer(VIEWER))).json()).toMatchObject({
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
        changedBy: "relay",
        sinceMs: NOW_MS,
        floodHeld: 0,
      },
    ],
    refused: null,
  });
  const page = await (await get("/rules", bearer(VIEWER))).text();
  expect(page).toContain("the &lt;key&gt; is wrong");
});
