import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backtest } from "../../../../queues/events/backtest.ts";
import { systemClock } from "../../../../src/clock.ts";
import { events, runs } from "../../../../src/ledger/schema.ts";
import { compileRules } from "../../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../../src/rules/load-rules.ts";
import { givenEvent, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const signal = new AbortController().signal;

const RULES = `rules:
  - name: read-new-files
    when: { workspace: Dify-Outputs, folder: "/Inbox/**" }
  - name: only-large
    when: { workspace: Dify-Outputs, minSize: 1kB }
  - name: anything-elsewhere
    when: { workspace: Dify-Outputs, exclude: { folders: [/Inbox] } }
`;

test("rules are asked about the past, and nothing is started", async () => {
  const { db } = ledger;
  const it = await openWorkbench(db, { rule: { name: "read-new-files" } });
  const ran = await it.drop("ran.csv");
  await it.drive(ran.id);
  await db.update(runs).set({ totalTokens: 120 }).where(eq(runs.id, ran.id));
  const [{ nodeId: elsewhere }, { nodeId: large }] = await Promise.all([
    it.fastio.dropFile({ folder: "/Elsewhere", name: "small.txt", content: "x" }),
    it.fastio.dropFile({ folder: "/Elsewhere", name: "large.txt", content: "x".repeat(2_000) }),
  ]);
  await it.route(elsewhere);
  await it.route(large);
  await givenEvent(db, { workspaceId: it.fastio.workspaceId, objectId: large });
  await givenEvent(db, { workspaceId: it.fastio.workspaceId, objectId: "never-was-there" });
  await givenEvent(db, { workspaceId: it.fastio.workspaceId, objectId: large, type: "file.moved" });
  const before = { runs: await db.$count(runs), events: await db.select().from(events) };

  const clock = { ...systemClock, sleep: async () => undefined };
  const { fastio } = it.upstreams;
  const appOf = () => ran.app ?? "";
  const rules = compileRules(parseRules(RULES, "rules.yaml").rules);
  const told = await backtest({ db, clock, fastio, appOf }, rules, 0, signal);

  expect(told).toMatchObject({ events: 6, read: 3, gone: 1 });
  const [first, second, third] = told.rules;
  expect(first).toMatchObject({
    rule: "read-new-files",
    ran: [{ run: ran.id, file: "ran.csv", folder: "/Inbox" }],
    wouldBeNew: [],
    notTaken: { "folder … does not match /Inbox/**": 3, "the file is gone": 1, "event is file.moved": 1 },
    tokensPerRun: 120,
    estimatedTokens: 0,
  });
  expect(second).toMatchObject({
    ran: [],
    wouldBeNew: [{ run: null, file: "large.txt" }],
    estimatedTokens: 120,
    notTaken: { "size is …, less than minSize 1,000 bytes": 2 },
  });
  expect(third).toMatchObject({
    wouldBeNew: [{ file: "small.txt" }, { file: "large.txt" }],
    // No run of this rule tells, but one with the same app does.
    estimatedTokens: 240,
    notTaken: { "folder … is left out by exclude.folders /Inbox": 1 },
  });

  expect(await db.$count(runs)).toBe(before.runs);
  expect(await db.select().from(events)).toEqual(before.events);
  const since = await backtest({ db, clock, fastio, appOf }, rules, Date.now() + 60_000, signal);
  expect(since).toMatchObject({ events: 0, read: 0 });
});
