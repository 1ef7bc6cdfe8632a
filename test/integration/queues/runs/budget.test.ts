import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changeRuleState } from "../../../../handlers/change-rule-state.ts";
import { createReadRuns } from "../../../../handlers/read-runs.ts";
import { systemClock } from "../../../../src/clock.ts";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import { countRun, dayOf, listRuleUsage, nextDayMs, readRuleUsage } from "../../../../src/ledger/budgets.ts";
import { releaseHeldRuns } from "../../../../src/ledger/release-runs.ts";
import { createRunLeases } from "../../../../src/ledger/run-leases.ts";
import { type RunRow, ruleDays } from "../../../../src/ledger/schema.ts";
import type { RunUsage } from "../../../../src/ledger/sum-usage.ts";
import type { RunChange } from "../../../../src/ledger/write-checkpoints.ts";
import { givenRun, openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const bench = (limit: string) => openWorkbench(ledger.db, { rule: { limit } });

test("at its limit of runs a rule's further runs are held with the reason, and go on the next day by themselves", async () => {
  const it = await bench("runsPerDay: 1");
  const [first, second] = [await it.drop("one.csv"), await it.drop("two.csv")];
  expect((await it.drive(first.id)).run.status).toBe("delivered");
  const { run: held } = await it.drive(second.id);
  expect(held).toMatchObject({ status: "held", queue: null, errorCode: "budget_reached", difyUploadId: null });
  expect(held.errorMessage).toMatch(/limit of 1 runs on \d{4}-\d{2}-\d{2} \(UTC\)/);
  expect(it.dify.books().runs).toHaveLength(1);
  const story = await createReadRuns(ledger.db).story(second.id);
  expect(story).toMatchObject({ status: "held", error: held.errorMessage, budget: { runs: 1, runsPerDay: 1 } });

  await releaseHeldRuns(ledger.db, systemClock.now());
  expect((await readRunRow(ledger.db, second.id)).status).toBe("held");
  await releaseHeldRuns(ledger.db, nextDayMs(systemClock.now()));
  // As if that day had begun: what was used belongs to another.
  await ledger.db.update(ruleDays).set({ day: "2020-01-01" }).where(eq(ruleDays.ruleName, it.rule.name));
  expect((await it.drive(second.id)).run).toMatchObject({ status: "delivered", errorCode: null });
});

test("tokens and cost that Dify tells reach the run, its story and the day; at the limit the next run is held", async () => {
  const it = await openWorkbench(ledger.db, {
    rule: { name: "asks-a-model", limit: "tokensPerDay: 100" },
    dify: { apps: [{ ...DEFAULT_APP, model: { tokens: 120, price: "0.25", currency: "USD" } }] },
  });
  const [first, second] = [await it.drop("one.csv"), await it.drop("two.csv")];
  const { run } = await it.drive(first.id);
  expect(run).toMatchObject({ status: "delivered", totalTokens: 120, cost: 0.25, currency: "USD" });
  expect(run.elapsedMs).toBeGreaterThan(0);
  expect(await createReadRuns(ledger.db).story(first.id)).toMatchObject({ totalTokens: 120 });
  expect(await readRuleUsage(ledger.db, "asks-a-model", dayOf(systemClock.now()))).toMatchObject({
    runs: 1,
    tokens: 120,
    costs: { USD: 0.25 },
  });
  const { run: held } = await it.drive(second.id);
  expect(held).toMatchObject({ status: "held", errorCode: "budget_reached" });
  expect(held.errorMessage).toContain("100 tokens");
});

test("a rule that is resumed tries its held runs, which are held again while the limit stands", async () => {
  const it = await bench("tokensPerDay: 10");
  await ledger.db
    .insert(ruleDays)
    .values({ ruleName: it.rule.name, day: dayOf(systemClock.now()), runs: 1, tokens: 10 });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "held", errorCode: "budget_reached" });
  expect(run.errorMessage).toContain("10 tokens");
  const change = changeRuleState({ db: ledger.db, clock: systemClock, ruleNames: () => [it.rule.name] });
  expect(await change(it.rule.name, "resume", { actor: "operator" })).toMatchObject({ released: 1 });
  expect((await it.drive(id)).run.status).toBe("held");
  expect(it.dify.books().runs).toEqual([]);
});

test("runs are counted once a day, also when many begin at once, and never past the limit", async () => {
  const rule = sampleRule({ name: "many" });
  const runs = await Promise.all(Array.from({ length: 8 }, () => givenRun(ledger.db, rule)));
  const nowMs = Date.parse("2026-11-22T23:59:00Z");
  const begun = await Promise.all(runs.map((run) => countRun(ledger.db, run, { runsPerDay: 5 }, nowMs)));
  expect(begun.filter(Boolean)).toHaveLength(5);
  const [one] = runs.filter((_, index) => begun[index]);
  if (!one) throw new Error("none began");
  expect(await countRun(ledger.db, one, { runsPerDay: 5 }, nowMs)).toBe(true);
  expect((await readRuleUsage(ledger.db, "many", "2026-11-22")).runs).toBe(5);
  // Refused by Dify until midnight: it belongs to the day on which Dify takes it.
  expect(await countRun(ledger.db, one, { runsPerDay: 5 }, nowMs + 120_000)).toBe(true);
  const days = (await listRuleUsage(ledger.db, "2026-11-22")).filter(({ ruleName }) => ruleName === "many");
  expect(days.map(({ day, runs: count }) => [day, count])).toEqual([
    ["2026-11-23", 1],
    ["2026-11-22", 4],
  ]);
});

/** What a worker that has the runs writes down of them with its checkpoints, all at once. */
async function openBook(runs: readonly RunRow[], nowMs: number) {
  const leases = createRunLeases(ledger.db);
  const day = dayOf(nowMs);
  const lease = { owner: "w", nowMs, untilMs: nowMs + 5_000 };
  for (const { id } of runs)
    expect(await leases.claim({ id, queue: "runs", ...lease })).toMatchObject({ kind: "claimed" });
  const writeAll = (change: RunChange, usage: RunUsage) =>
    Promise.all(runs.map(({ id }) => leases.checkpoint({ id, owner: "w", change, nowMs, usages: [usage] })));
  return {
    count: () => writeAll({ countedDay: day }, { kind: "counted", day }),
    record: (workflowRunId: string, tokens: number, elapsedMs: number, cost: { amount: number; currency: string }) =>
      writeAll(
        { usageRunId: workflowRunId, totalTokens: tokens, elapsedMs, cost: cost.amount, currency: cost.currency },
        { kind: "used", day, usage: { workflowRunId, tokens, elapsedMs, cost } },
      ),
  };
}

test("tokens, time and cost are summed up by run and day, once for each workflow run", async () => {
  const run = await givenRun(ledger.db, sampleRule({ name: "sums" }));
  const book = await openBook([run], Date.parse("2026-11-22T12:00:00Z"));
  for (const workflowRunId of ["w1", "w1", "w2"])
    await book.record(workflowRunId, 100, 2_500, { amount: 0.25, currency: "USD" });
  expect(await readRuleUsage(ledger.db, "sums", "2026-11-22")).toEqual({
    day: "2026-11-22",
    runs: 0,
    tokens: 200,
    elapsedMs: 5_000,
    costs: { USD: 0.5 },
  });
  expect(await readRunRow(ledger.db, run.id)).toMatchObject({
    totalTokens: 100,
    elapsedMs: 2_500,
    cost: 0.25,
    currency: "USD",
  });
});

test("what many runs use at once is summed together, in each currency, and each is counted once", async () => {
  const rules = ["sums-a", "sums-b"].map((name) => sampleRule({ name }));
  const runs = await Promise.all([...rules, ...rules].map((rule) => givenRun(ledger.db, rule)));
  const nowMs = Date.parse("2026-11-22T12:00:00Z");
  const book = await openBook(runs, nowMs);
  await Promise.all([book.count(), book.count()]);
  for (const [workflowRunId, currency] of [["w1", "USD"] as const, ["w1", "USD"] as const, ["w2", "EUR"] as const])
    await book.record(workflowRunId, 10, 5, { amount: 0.25, currency });
  for (const { name } of rules)
    expect(await readRuleUsage(ledger.db, name, "2026-11-22")).toEqual({
      day: "2026-11-22",
      runs: 2,
      tokens: 40,
      elapsedMs: 20,
      costs: { USD: 0.5, EUR: 0.5 },
    });
  // Asked for on one day, and taken on the next.
  const [first] = runs;
  if (!first) throw new Error("no run");
  await countRun(ledger.db, first, {}, nowMs + 86_400_000);
  expect([
    await readRuleUsage(ledger.db, "sums-a", "2026-11-22"),
    await readRuleUsage(ledger.db, "sums-a", "2026-11-23"),
  ]).toMatchObject([{ runs: 1 }, { runs: 1 }]);
});
