import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { alertText, type WatchAlertsDeps, watchAlerts } from "../../../src/alerts/watch-alerts.ts";
import { listClearedAlerts, listOpenAlerts, type NewFinding, settleAlerts } from "../../../src/ledger/alerts.ts";
import { countRun } from "../../../src/ledger/budgets.ts";
import { recordCheckFailure, recordPullFailure } from "../../../src/ledger/pull-states.ts";
import { setRuleState } from "../../../src/ledger/rule-state-queries.ts";
import { alerts, notices, pullStates, ruleDays, ruleStates, runs, signaturePins } from "../../../src/ledger/schema.ts";
import { pinSignature } from "../../../src/ledger/signature-pins.ts";
import { DEFAULT_ALERTS } from "../../../src/rules/alerts-schema.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { givenRun, openTestLedger, type TestLedger } from "../../support/test-ledger.ts";

const START_MS = 1_795_327_200_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const HOLD_MS = 10 * MINUTE_MS;

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());
beforeEach(async () => {
  for (const table of [alerts, notices, pullStates, ruleDays, ruleStates, runs, signaturePins])
    await ledger.db.delete(table);
});

const failing: NewFinding = {
  kind: "failing_rule",
  subject: "invoices",
  message: "3 of the 5 runs failed",
  nextAction: "see why",
};
const settle = (findings: readonly NewFinding[], atMs: number, noticeVariable: string | null = "ALERT_NOTICE_URL") =>
  settleAlerts(ledger.db, findings, {
    nowMs: START_MS + atMs,
    holdMs: HOLD_MS,
    calmMs: 35_000,
    noticeVariable: noticeVariable ?? undefined,
    textOf: (alert) => alertText(alert, "https://proxy:a-password@relay.example.com/"),
  });
const told = async () => (await ledger.db.select().from(notices).orderBy(notices.createdAtMs)).map(({ text }) => text);

describe("an alert", () => {
  test("is told once, however often it is found, and once more when it is over", async () => {
    expect((await settle([failing], 0)).raised).toHaveLength(1);
    for (const atMs of [15_000, 30_000, 45_000]) expect((await settle([failing], atMs)).raised).toEqual([]);
    expect(await told()).toEqual(["relay: 3 of the 5 runs failed.\n→ see why\nhttps://relay.example.com/alerts"]);
    // Well again, but not for long enough.
    expect((await settle([], 45_000 + HOLD_MS - 1)).cleared).toEqual([]);
    expect(await listOpenAlerts(ledger.db)).toHaveLength(1);
    expect((await settle([], 45_000 + HOLD_MS)).cleared).toHaveLength(1);
    expect(await listOpenAlerts(ledger.db)).toEqual([]);
    expect(await listClearedAlerts(ledger.db, 5)).toMatchObject([{ key: "failing_rule:invoices" }]);
    expect((await told())[1]).toBe(
      "relay: all clear. It was: 3 of the 5 runs failed. It lasted 11 min.\nhttps://relay.example.com/alerts",
    );
    await settle([], 45_000 + 2 * HOLD_MS);
    expect(await told()).toHaveLength(2);
  });

  test("that comes and goes within its hold is one alert, and nobody is told again", async () => {
    for (let round = 0; round < 5; round += 1) {
      await settle([failing], round * 5 * MINUTE_MS);
      await settle([], round * 5 * MINUTE_MS + 2 * MINUTE_MS);
    }
    expect(await told()).toHaveLength(1);
    expect(await listOpenAlerts(ledger.db)).toMatchObject([{ sinceMs: START_MS, flaps: 4 }]);
  });

  test("that comes back after it was over is told anew", async () => {
    await settle([failing], 0);
    await settle([], HOLD_MS);
    await settle([failing], 2 * HOLD_MS);
    expect(await told()).toHaveLength(3);
    expect(await listOpenAlerts(ledger.db)).toMatchObject([{ sinceMs: START_MS + 2 * HOLD_MS, flaps: 0 }]);
  });

  test("of before there was anybody to tell is told as soon as there is", async () => {
    await settle([failing], 0, null);
    expect(await told()).toEqual([]);
    await settle([failing], 15_000);
    await settle([failing], 30_000);
    expect(await told()).toHaveLength(1);
  });

  test("nobody was told of ends in silence", async () => {
    await settle([failing], 0, null);
    await settle([], HOLD_MS, null);
    expect(await told()).toEqual([]);
  });
});

describe("looking at the ledger", () => {
  const RULES = `rules:
  - name: invoices
    when: { workspace: Legal }
    limit: { runsPerDay: 1 }
`;
  let nowMs = START_MS;
  const deps = (): WatchAlertsDeps => ({
    db: ledger.db,
    clock: { now: () => nowMs, sleep: async () => undefined },
    log: silentLog,
    rules: () => compileRules(parseRules(RULES, "r.yaml").rules),
    thresholds: () => DEFAULT_ALERTS,
    appOf: () => "a1b2c3",
    secretPrints: () => ["newest", "older"],
    isCatchUpOn: true,
    strains: () => [],
    isBusy: () => true,
    noticeVariable: undefined,
    publicUrl: undefined,
  });
  const found = async (): Promise<readonly string[]> => {
    await watchAlerts(deps());
    return (await listOpenAlerts(ledger.db)).map(({ key }) => key).toSorted();
  };
  const [compiled] = compileRules(parseRules(RULES, "r.yaml").rules);
  const given = (change: Parameters<typeof givenRun>[2]) => {
    if (!compiled) throw new Error("no rule");
    return givenRun(ledger.db, compiled.rule, { createdAtMs: nowMs, updatedAtMs: nowMs, ...change });
  };

  test("finds nothing in an empty one", async () => {
    expect(await found()).toEqual([]);
  });

  test("finds rules that fail or were paused, used budgets, and apps that do not answer", async () => {
    const ended = { queue: null, finishedAtMs: nowMs - MINUTE_MS, app: "another" } as const;
    for (let count = 0; count < 4; count += 1) await given({ ...ended, status: "failed" });
    await given({ ...ended, status: "delivered" });
    const stuck = await given({
      app: "a1b2c3",
      queuedAtMs: nowMs,
      failures: 6,
      errorCode: "connect_failed",
      errorMessage: "dify.run.start: no connection (ECONNREFUSED)",
    });
    await countRun(ledger.db, stuck, {}, nowMs);
    const pause = { state: "paused", reason: "the key is wrong", nextAction: null, sinceMs: nowMs } as const;
    await setRuleState(ledger.db, { ...pause, ruleName: "invoices", changedBy: "relay" });
    await setRuleState(ledger.db, { ...pause, ruleName: "by-hand", changedBy: "operator" });
    expect(await found()).toEqual([
      "app_down:a1b2c3",
      "budget_reached:invoices",
      "failing_rule:invoices",
      "rule_paused:invoices",
    ]);
    expect((await listOpenAlerts(ledger.db)).find(({ kind }) => kind === "failing_rule")?.message).toContain(
      "4 of the 5",
    );
  });

  test("does not take a fault at Fast.io for one of Dify's", async () => {
    await given({
      app: "a1b2c3",
      queuedAtMs: nowMs,
      failures: 9,
      errorCode: "connect_failed",
      errorMessage: "fastio.download.request: no connection (ECONNREFUSED)",
    });
    expect(await found()).toEqual([]);
  });

  test("finds work that its queue was not told of, but not work that is not due", async () => {
    await given({ updatedAtMs: nowMs - 2 * MINUTE_MS });
    await given({ updatedAtMs: nowMs - 2 * MINUTE_MS, dueAtMs: nowMs + MINUTE_MS });
    await watchAlerts(deps());
    expect(await listOpenAlerts(ledger.db)).toMatchObject([
      { key: "growing_outbox:run", message: "1 run could not be handed to the queue, the oldest for 2 min" },
    ]);
  });

  test("finds workspaces that cannot be read, of those that rules name", async () => {
    const failure = { code: "forbidden", message: "may not be seen", nextAction: undefined };
    const sinceMs = nowMs - 3 * 3_600_000;
    await recordPullFailure(ledger.db, { id: "3117763504443666597", name: "Legal" }, failure, sinceMs);
    await recordPullFailure(ledger.db, { id: "4117763504443666597", name: "Other" }, failure, sinceMs);
    expect(await found()).toEqual(["quiet_source:3117763504443666597"]);
  });

  test("finds workspaces whose feed cannot be checked, of those that rules name", async () => {
    const failure = { code: "connection_lost", message: "the line is cut", nextAction: undefined };
    const sinceMs = nowMs - 3 * 3_600_000;
    await recordCheckFailure(ledger.db, { id: "3117763504443666597", name: "Legal" }, failure, sinceMs);
    await recordCheckFailure(ledger.db, { id: "4117763504443666597", name: "Other" }, failure, sinceMs);
    expect(await found()).toEqual(["quiet_source:3117763504443666597"]);
  });

  test("finds an old secret that signs nothing, and a signature that changed", async () => {
    const sign = (secretPrint: string, scheme: string, atMs: number) =>
      pinSignature(ledger.db, { secretPrint, scheme, keyForm: undefined }, atMs);
    await sign("older", "fastio-signature", nowMs - 20 * DAY_MS);
    await sign("newest", "fastio-signature", nowMs - 8 * DAY_MS);
    await sign("newest", "standard-webhooks", nowMs - MINUTE_MS);
    expect(await found()).toEqual(["secret_unused:older", "signature_changed:newest"]);
    await sign("older", "fastio-signature", nowMs - MINUTE_MS);
    nowMs += HOLD_MS;
    expect(await found()).not.toContain("secret_unused:older");
  });
});
