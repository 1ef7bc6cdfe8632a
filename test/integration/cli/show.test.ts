import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CliContext } from "../../../src/cli/context.ts";
import { showEvents } from "../../../src/cli/events.ts";
import { PAGE } from "../../../src/cli/read-pages.ts";
import { listRuns, showRun } from "../../../src/cli/runs.ts";
import { endAnswer, openAnswers } from "../../../src/ledger/answers.ts";
import { recordAttempt } from "../../../src/ledger/attempts.ts";
import { closeEvent, findEvent } from "../../../src/ledger/event-queries.ts";
import { type Ledger, openLedger } from "../../../src/ledger/open-ledger.ts";
import { saveOutput } from "../../../src/ledger/outputs.ts";
import { orderReceipt } from "../../../src/ledger/receipts.ts";
import { leaveOut } from "../../../src/ledger/run-files.ts";
import { accesses, type EventRow, events } from "../../../src/ledger/schema.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { cliContext } from "../../support/cli-context.ts";
import { createRuns } from "../../support/create-runs.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";
import { givenEvent, givenRun } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";

const ESCAPE = "\u001b[2J";
const NODE = "26n2i-xygnf-vorvt-lhy3w-5laen-oybp";
const FIRST = "first-in-chain";
const TOLD = "told-in-full";
const BUSY_NODE = "2busy";
/** Of one file: more than the ledger and the relay tell at a time. */
const MANY_EVENTS = PAGE + 2;

let folder: string;
let url: string;
let eventKey: string;
let batchId: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "relay-show-"));
  url = copyMadeLedger(join(folder, "data"));
  const ledger = await openLedger(url, silentLog);
  try {
    await fill(ledger);
  } finally {
    await ledger.close();
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A run that has something to tell in every way there is, the chain it stands in, a batch, and the event that made it. */
async function fill({ db }: Ledger): Promise<void> {
  const rule = (name: string) => sampleRule({ name });
  eventKey = await givenEvent(db, { workspaceId: "3", objectId: NODE, receivedAtMs: NOW_MS });
  await givenRun(db, rule("first"), { id: FIRST, fileName: "orders.csv" });
  await givenRun(
    db,
    { ...rule("second"), handoff: true },
    {
      id: TOLD,
      eventKey,
      parentRunId: FIRST,
      depth: 1,
      fileName: `sales${ESCAPE}.csv`,
      status: "delivered",
      queue: null,
      createdAtMs: NOW_MS,
      finishedAtMs: NOW_MS + 4_000,
      elapsedMs: 2_500,
      shareId: "share-1",
      shareUrl: "https://go.example/s",
      shareReadyAtMs: NOW_MS,
      nodes: [
        {
          nodeId: "n1",
          title: "Translate",
          type: "llm",
          status: "succeeded",
          startedAtMs: null,
          elapsedMs: 2_500,
          times: 1,
          round: null,
          error: null,
        },
      ],
    },
  );
  const reasons = { tables: `file name "sales.csv" does not match *.xls${ESCAPE}` };
  await closeEvent(
    db,
    eventKey,
    { status: "routed", reasons, file: { name: "sales.csv", folderPath: "/Inbox", workspaceId: "3" } },
    NOW_MS,
  );
  const [answer] = await openAnswers(db, { runId: TOLD, phase: "after" }, ["cleaned"], NOW_MS);
  if (!answer) throw new Error("no question");
  await endAnswer(db, answer, { state: "answered", text: "Two rows.", foundIn: [] }, NOW_MS);
  await saveOutput(db, {
    runId: TOLD,
    ordinal: 0,
    kind: "file",
    name: "clean.csv",
    size: 12,
    mimeType: "text/csv",
    nodeId: "node-out",
    placedAtMs: NOW_MS,
  });
  await db.insert(accesses).values({
    key: "access-1",
    runId: TOLD,
    ruleName: "second",
    shareId: "share-1",
    kind: "file.accessed",
    objectName: "clean.csv",
    actorEmail: "pat@example.test",
    atMs: NOW_MS + 9_000,
  });
  await orderReceipt(db, TOLD, "note", NOW_MS);
  await recordAttempt(db, {
    runId: TOLD,
    worker: "w",
    step: "share",
    outcome: "done",
    startedAtMs: NOW_MS,
    finishedAtMs: NOW_MS + 40,
  });

  const single = runNamed("batch-of-three");
  const batched = { ...single, rule: { ...single.rule, run: { ...single.rule.run, group: "batch" as const } } };
  const routed = { status: "routed", reasons: {} } as const;
  const [batch] = await createRuns(db, "ev-a", [batched], routed, NOW_MS);
  const more = { ...batched, id: "another", nodeId: "another", fileName: "second.csv" };
  await createRuns(db, "ev-b", [more], routed, NOW_MS);
  await createRuns(db, "ev-c", [{ ...more, id: "third", nodeId: "third", fileName: "third.csv" }], routed, NOW_MS);
  await leaveOut(db, batch?.id ?? "", [{ fileKey: "another", reason: "it is gone" }]);
  batchId = batch?.id ?? "";
  const of = await findEvent(db, await givenEvent(db, { objectId: BUSY_NODE, receivedAtMs: NOW_MS }));
  await db
    .insert(events)
    .values(Array.from({ length: MANY_EVENTS - 1 }, (_, at) => ({ ...(of as EventRow), key: `ev-busy-${at}` })));
}

/** What a command prints, and its exit code. */
async function told(command: (context: CliContext) => Promise<number>): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
  };
  const { context } = cliContext({ DATABASE_URL: url }, { print: keep, write: keep, warn: keep });
  return { code: await command(context), text: lines.join("\n") };
}

const showOne = (id: string) => told((context) => showRun(context, id, { json: false }));

test("a run is shown with everything about it in words, lists as tables", async () => {
  const { code, text } = await showOne(TOLD);
  expect(code).toBe(0);
  for (const line of [
    /^id {16}told-in-full$/m,
    /^status {12}delivered$/m,
    /^elapsed {11}2\.5 s$/m,
    /^created at {8}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/m,
    /^link {14}open, without an end$/m,
    /^handoff {11}ready: relay transfer claim-link told-in-full$/m,
    /^told {14}note: waits$/m,
    /^cleaned +answered +Two rows\.$/m,
    /^Translate +succeeded +2\.5 s/m,
    /^clean\.csv +12 +yes$/m,
    / +pat@example\.test +read +clean\.csv$/m,
    /^share +\d{4}-.* +done$/m,
  ])
    expect(text).toMatch(line);
  expect(text).not.toContain("[object");
  expect(text).not.toContain("\u001b");
});

test("the chain that a run stands in is a table, deeper runs further in", async () => {
  const { text } = await showOne(TOLD);
  expect(text).toMatch(
    /^CHAIN +RULE +FILE +STATUS\n[─ ]+\nfirst-in-chain +first +orders\.csv +queued\n {2}this run +second /m,
  );
  expect((await showOne(batchId)).text).not.toContain("CHAIN");
});

test("a batch is shown with its files, and why one was left out", async () => {
  const { text } = await showOne(batchId);
  expect(text).toMatch(/^table\.csv +– *$/m);
  expect(text).toMatch(/^second\.csv +– +it is gone$/m);
  expect(text).not.toContain("[object");
});

test("the list of runs says that there are more files behind the first of a batch", async () => {
  const list = (json: boolean) => told((context) => listRuns(context, "second.csv", { json, limit: 5, status: [] }));
  expect((await list(false)).text).toMatch(/ table\.csv and 1 more {2}/);
  expect(JSON.parse((await list(true)).text)).toMatchObject({
    run: batchId,
    file: "table.csv",
    moreFiles: 1,
    rule: "read-new-files",
    error: null,
  });
});

test.each(["SALES.csv", NODE])(
  "what became of %s is told with its run, and why the other rules made none",
  async (about) => {
    const { code, text } = await told((context) => showEvents(context, about, { json: false, limit: 5 }));
    expect(code).toBe(0);
    expect(text).toContain(`${eventKey}  /Inbox/sales.csv\n  file.created by changes, `);
    expect(text).toMatch(/^ {2}tables: file name "sales\.csv" does not match \*\.xls/m);
    expect(text).toMatch(/^told-in-full +second +delivered +https:\/\/go\.example\/s$/m);
    expect(text).not.toContain("[object");
    expect(text).not.toContain("\u001b");
  },
);

test.each([MANY_EVENTS, MANY_EVENTS - 1])(
  "of a file with very many events %d are told when so many are asked for",
  async (limit) => {
    const { text } = await told((context) => showEvents(context, BUSY_NODE, { json: true, limit }));
    const keys = text.split("\n").map((line) => JSON.parse(line).key);
    expect([keys.length, new Set(keys).size]).toEqual([limit, limit]);
  },
);

test("what the ledger does not know ends with 1 and says so", async () => {
  expect(await showOne("nobody")).toEqual({
    code: 1,
    text: "there is no run nobody\n→ relay runs list <part of the file's name> finds it",
  });
  const none = await told((context) => showEvents(context, `no${ESCAPE}thing`, { json: true, limit: 5 }));
  expect(none).toEqual({ code: 1, text: expect.stringMatching(/^no event tells of no\uFFFD\[2Jthing\n→ /) });
});
