import type { PGlite } from "@electric-sql/pglite";
import { drizzle } from "drizzle-orm/pglite";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type LeasedChoreDeps, startLeasedChore } from "../../../../queues/upkeep/leased-chore.ts";
import { startLookout } from "../../../../queues/upkeep/lookout.ts";
import { systemClock } from "../../../../src/clock.ts";
import { FLOOD_HELD } from "../../../../src/ledger/flood.ts";
import { lookForWork, type WorkSeen } from "../../../../src/ledger/look-for-work.ts";
import { setRuleState } from "../../../../src/ledger/rule-state-queries.ts";
import * as schema from "../../../../src/ledger/schema.ts";
import { bulkActions, events, leases, notices, receipts, ruleStates, runs } from "../../../../src/ledger/schema.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { SOON } from "../../../support/soon.ts";
import { givenEvent, givenRun, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());
beforeEach(async () => {
  for (const table of [runs, events, receipts, notices, bulkActions, ruleStates, leases]) await ledger.db.delete(table);
});

const HOUR_MS = 3_600_000;
const NOTHING: WorkSeen = {
  handOver: false,
  links: false,
  tellings: false,
  notices: false,
  bulk: false,
  turns: false,
};
const KINDS = Object.keys(NOTHING) as readonly (keyof WorkSeen)[]; // typed as text
const rule = sampleRule({ name: "looked-for" });
const ended = { status: "delivered", queue: null, finishedAtMs: Date.now() - HOUR_MS } as const;
const shared = { ...ended, shareId: "a-share", shareExpiresBy: "relay" } as const;
const told = sampleRule({ name: "told", deliver: "receipt: comment" });
const run = (change: Parameters<typeof givenRun>[2]) => givenRun(ledger.db, rule, change);
const look = () => lookForWork(ledger.db, Date.now());
const notice = (dueAtMs: number) =>
  ledger.db.insert(notices).values({ key: "k", variable: "V", text: "t", state: "waiting", dueAtMs, createdAtMs: 1 });
const receipt = (dueAtMs: number) =>
  ledger.db.insert(receipts).values({ runId: "r", kind: "comment", state: "waiting", dueAtMs });
const bulk = (state: "running" | "done") =>
  ledger.db.insert(bulkActions).values({
    ...{ id: "b", deed: "cancel", filter: {}, askedBy: "operator", perMinute: 60, state, total: 1 },
    ...{ dueAtMs: Date.now() + HOUR_MS, createdAtMs: 1 },
  });

describe("work is seen", () => {
  test.each<[string, keyof WorkSeen, () => Promise<unknown>]>([
    ["an event that was not routed", "handOver", () => givenEvent(ledger.db, { workspaceId: "w", objectId: "n" })],
    ["a run that no queue was told of", "handOver", () => run({})],
    [
      "a run that a queue should have brought back",
      "handOver",
      () => run({ queuedAtMs: 1, dueAtMs: Date.now() + HOUR_MS }),
    ],
    ["a batch that is full", "handOver", () => run({ gatheringKey: "g", dueAtMs: 1, queuedAtMs: 1 })],
    ["a held run whose rule goes on", "handOver", () => run({ status: "held", queue: null })],
    [
      "a parked run that is to be cancelled",
      "handOver",
      () => run({ status: "paused", queue: null, cancelAskedAtMs: 1 }),
    ],
    ["a link whose time has come", "links", () => run({ ...shared, shareExpiresAtMs: 1 })],
    ["a link that is to be closed", "links", () => run({ ...shared, shareCloseAskedAtMs: 1 })],
    ["an end that is to be told", "tellings", () => givenRun(ledger.db, told, ended)],
    ["a receipt that is due", "tellings", () => receipt(1)],
    ["a notice that is due", "notices", () => notice(1)],
    ["a bulk action under way", "bulk", () => bulk("running")],
    ["a run that waits for its app", "turns", () => run({ waitingApp: "an-app", notBeforeMs: Date.now() + HOUR_MS })],
  ])("of %s", async (_, kind, given) => {
    expect(await look()).toEqual(NOTHING);
    await given();
    expect(await look()).toEqual({ ...NOTHING, [kind]: true });
  });
});

test("what waits for its time, for a person or for nothing is no work", async () => {
  const laterMs = Date.now() + HOUR_MS;
  await run({ ...ended });
  await run({ queuedAtMs: 1, status: "paused", notBeforeMs: laterMs, dueAtMs: laterMs });
  await run({ status: "held", queue: null, errorCode: FLOOD_HELD });
  await run({ status: "held", queue: null, notBeforeMs: laterMs });
  await run({ gatheringKey: "g", dueAtMs: laterMs });
  await run({ ...shared, shareExpiresAtMs: laterMs });
  await run({ ...shared, shareExpiresAtMs: 1, shareClosedAtMs: 2 });
  await run({ ...shared, shareExpiresAtMs: 1, shareCloseRetryAtMs: laterMs });
  await givenRun(ledger.db, told, { ...ended, toldEndMs: ended.finishedAtMs });
  await receipt(laterMs);
  await notice(laterMs);
  await bulk("done");
  const paused = { ruleName: rule.name, reason: null, nextAction: null, changedBy: "operator", sinceMs: 1 };
  await setRuleState(ledger.db, { ...paused, state: "paused" });
  await run({ status: "held", queue: null });
  expect(await look()).toEqual(NOTHING);
});

const deps = (): Omit<LeasedChoreDeps, "lookout"> => ({
  ...{ db: ledger.db, clock: systemClock, log: silentLog },
  newId: () => "somebody",
});

test("a chore rests while nobody sees work for it, and starts soon after there is some", async () => {
  let looks = 0;
  const now = (): number => {
    looks += 1;
    return Date.now();
  };
  const lookout = startLookout({ ...deps(), clock: { ...systemClock, now } }, 20);
  onTestFinished(lookout.stop);
  await vi.waitFor(() => expect(lookout.sees("notices")).toBe(false), SOON);
  let goes = 0;
  const stop = startLeasedChore(
    { ...deps(), lookout },
    {
      name: "n",
      everyMs: 5,
      when: "notices",
      work: async () => {
        goes += 1;
      },
    },
  );
  onTestFinished(stop);
  // It goes once at the start; during ten looks it would have had the time for many more.
  await vi.waitFor(() => expect(goes).toBe(1), SOON);
  const before = looks;
  await vi.waitFor(() => expect(looks).toBeGreaterThan(before + 10), SOON);
  expect(goes).toBe(1);
  await notice(1);
  await vi.waitFor(() => expect(goes).toBeGreaterThan(3), SOON);
});

/** The same ledger, where each question goes through a gate before it is asked. */
const behindGate = (gate: () => Promise<unknown>): TestLedger["db"] => {
  const { pglite } = ledger;
  if (!pglite) throw new Error("an embedded ledger");
  const query = async (...asked: Parameters<PGlite["query"]>) => {
    await gate();
    return pglite.query(...asked);
  };
  // Private fields of the database are not those of a copy: of it no more is asked than this.
  return drizzle({ query } as unknown as PGlite, { schema });
};

test("who cannot look takes it that there is work, so that each chore tells of its own trouble", async () => {
  let isAway = false;
  const db = behindGate(async () => {
    if (isAway) throw new Error("the ledger is away");
  });
  const lookout = startLookout({ ...deps(), db }, 20);
  onTestFinished(lookout.stop);
  const seen = () => KINDS.filter((kind) => lookout.sees(kind));
  await vi.waitFor(() => expect(seen()).toEqual([]), SOON);
  isAway = true;
  await vi.waitFor(() => expect(seen()).toEqual(KINDS), SOON);
  isAway = false;
  await vi.waitFor(() => expect(seen()).toEqual([]), SOON);
});

test("a ledger that does not answer any more may hold work, whatever was seen last", async () => {
  let nowMs = Date.now();
  let isStuck = false;
  const db = behindGate(() => (isStuck ? new Promise(() => undefined) : Promise.resolve()));
  const lookout = startLookout({ ...deps(), db, clock: { ...systemClock, now: () => nowMs } }, 20);
  onTestFinished(lookout.stop);
  const seen = () => KINDS.filter((kind) => lookout.sees(kind));
  await vi.waitFor(() => expect(seen()).toEqual([]), SOON);
  isStuck = true;
  nowMs += 60_000;
  expect(seen()).toEqual(KINDS);
});

test("a resting chore stops at once when it is told to", async () => {
  const lookout = startLookout(deps(), 20);
  onTestFinished(lookout.stop);
  await vi.waitFor(() => expect(lookout.sees("links")).toBe(false), SOON);
  const stop = startLeasedChore(
    { ...deps(), lookout },
    { name: "l", everyMs: 5, when: "links", work: async () => undefined },
  );
  const beforeMs = performance.now();
  await stop();
  expect(performance.now() - beforeMs).toBeLessThan(10_000);
});
