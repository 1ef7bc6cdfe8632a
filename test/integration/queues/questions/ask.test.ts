import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readyScope } from "../../../../queues/questions/question-scope.ts";
import { orderTellings } from "../../../../queues/receipts/tell-endings.ts";
import { DEFAULT_APP, type StartVariable, TABLES_APP } from "../../../../src/emulators/dify/apps.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../../src/emulators/fastio/defaults.ts";
import { listAnswers } from "../../../../src/ledger/answers.ts";
import { closeBatches } from "../../../../src/ledger/batches.ts";
import { listNotices } from "../../../../src/ledger/notices.ts";
import { findReceipt } from "../../../../src/ledger/receipts.ts";
import { replayRun } from "../../../../src/ledger/replay-run.ts";
import { findRuleState } from "../../../../src/ledger/rule-state-queries.ts";
import { runs } from "../../../../src/ledger/schema.ts";
import { givenRun, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, sampleRule, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const signal = new AbortController().signal;
const PARTIES: StartVariable = { variable: "parties", type: "paragraph", required: false, max_length: 60 };
const REQUIRED_LONG: StartVariable = { ...PARTIES, required: true, max_length: 2_000 };
const askParties = (more = "") =>
  `ask: { question: "Who signs {{ file.name }}?", into: parties${more === "" ? "" : `, ${more}`} }`;

async function bench(
  rule: NonNullable<WorkbenchOptions["rule"]>,
  { parties = PARTIES, ...options }: WorkbenchOptions & { readonly parties?: StartVariable } = {},
): Promise<Workbench> {
  return openWorkbench(ledger.db, {
    ...options,
    dify: { apps: [{ ...DEFAULT_APP, inputs: [...DEFAULT_APP.inputs, parties] }], ...options.dify },
    rule,
  });
}

const questionsAsked = (it: Workbench) => it.fastio.books().questions.map(({ question }) => question);
const LEASE = "This lease is made between Anna Berg and Otto Quist.";

describe("a question before the workflow", () => {
  test("is asked once about the file, and its answer is an input, with where it was found below it", async () => {
    const it = await bench({ run: askParties("citations: true") }, { parties: { ...PARTIES, max_length: 500 } });
    it.fastio.answerNext({ text: "Never asked." });
    const other = await it.drop("other.txt", "Nobody signs this.");
    await it.drive(other.id);
    const { id } = await it.drop("lease.txt", LEASE);
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", warning: null });
    const parties = it.dify.books().runs.map(({ inputs }) => inputs["parties"]);
    expect(parties[0]).toBe("Never asked.");
    expect(parties[1]).toMatch(/^lease\.txt: .*Anna Berg.*\n\nFound in: lease\.txt \(page 1\)$/s);
    expect(questionsAsked(it)).toEqual(["Who signs other.txt?", "Who signs lease.txt?"]);
    expect(await listAnswers(it.db, id)).toMatchObject([
      { phase: "before", into: "parties", state: "answered", question: "Who signs lease.txt?" },
    ]);
  });

  test("is waited for outside of the worker, and a worker that dies asks no second time", async () => {
    const it = await bench({ run: askParties() }, { fastio: { aiDelayMs: 90_000 } });
    const { id } = await it.drop();
    expect(await it.turn(id)).toMatchObject({ kind: "later" });
    expect((await listAnswers(it.db, id))[0]).toMatchObject({ state: "asked", handle: { family: "agent" } });
    // As if its worker had died: the lease is left behind, and the job comes again.
    await it.db.update(runs).set({ leaseOwner: "dead", leaseUntilMs: 0 }).where(eq(runs.id, id));
    const { run } = await it.drive(id);
    expect(run.status).toBe("delivered");
    expect(questionsAsked(it)).toHaveLength(1);
    expect(it.dify.books().runs[0]?.inputs["parties"]).toMatch(/indexed files|table\.csv/);
  }, 30_000);

  test("waits for the file to be indexed", async () => {
    const it = await bench({ run: askParties() }, { fastio: { indexDelayMs: 60_000 } });
    const { id } = await it.drop("lease.txt", LEASE);
    expect(await it.turn(id)).toMatchObject({ kind: "later" });
    expect(questionsAsked(it)).toEqual([]);
    const { run } = await it.drive(id);
    expect(run.status).toBe("delivered");
    expect(it.dify.books().runs[0]?.inputs["parties"]).toMatch(/Anna Berg/);
  }, 30_000);

  test("about a file that is not indexed at all goes without, and the run says so", async () => {
    const it = await bench({ run: askParties() }, { fastio: { indexFailsFor: "broken" } });
    const { id } = await it.drop("broken.csv");
    const { run } = await it.drive(id);
    expect(run).toMatchObject({
      status: "delivered",
      warning: expect.stringMatching(
        /the question for parties was not answered: .*not indexed the files \(it failed\)/,
      ),
    });
    expect(it.dify.books().runs[0]?.inputs).not.toHaveProperty("parties");
    expect(questionsAsked(it)).toEqual([]);
  });

  test("that Fast.io answers with a question is told of; the run goes on where the app can do without", async () => {
    const it = await bench({ run: askParties() });
    it.fastio.answerNext({ state: "needs_input", clarification: { type: "text", question: "Which lease?" } });
    const { run } = await it.drive((await it.drop()).id);
    expect(run).toMatchObject({
      status: "delivered",
      warning: expect.stringContaining("Fast.io asks back: Which lease?"),
    });
  });

  test("fails the run where the app cannot do without, and a replay asks anew", async () => {
    const it = await bench({ run: askParties() }, { parties: { ...PARTIES, required: true } });
    it.fastio.answerNext({ state: "failed" });
    const { run } = await it.drive((await it.drop()).id);
    expect(run).toMatchObject({ status: "failed", errorCode: "question_unanswered", errorStep: "ask" });
    expect(it.dify.books().runs).toEqual([]);
    it.fastio.answerNext({ text: "Anna and Otto." });
    await replayRun(it.db, run.id, Date.now());
    expect((await it.drive(run.id)).run).toMatchObject({
      status: "delivered",
      answerTexts: { parties: "Anna and Otto." },
    });
    expect(questionsAsked(it)).toHaveLength(2);
  });

  test("has its answer cut to what the app takes, with a warning", async () => {
    const it = await bench({ run: askParties() });
    it.fastio.answerNext({ text: "ä".repeat(80) });
    const { run } = await it.drive((await it.drop()).id);
    expect(it.dify.books().runs[0]?.inputs["parties"]).toBe(`${"ä".repeat(59)}…`);
    expect(run.warning).toMatch(/cut to the 60 characters/);
  });

  test("is not asked at all for an input that the app does not have", async () => {
    const it = await bench({ run: 'ask: { question: "Who?", into: nobody }' });
    const { run } = await it.drive((await it.drop()).id);
    expect(run).toMatchObject({ status: "failed", errorCode: "dify_input_invalid" });
    expect(questionsAsked(it)).toEqual([]);
  });

  test.each([
    { what: "without credits", fastio: { payment: "credits" } as const, reason: /credits/i },
    { what: "with its intelligence off", fastio: {}, reason: /intelligence is switched off/ },
  ])("to a workspace $what pauses the rule, which says why", async ({ fastio, reason, what }) => {
    const it = await bench({ run: askParties() }, { fastio });
    if (what.includes("off")) await switchOff(it);
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run.status).toBe("held");
    const state = await findRuleState(it.db, it.rule.name);
    expect(`${state?.reason} ${state?.nextAction}`).toMatch(reason);
    expect(it.dify.books().runs).toEqual([]);
  });
});

describe("a question after the workflow", () => {
  test("is about what was placed, and the share says the answer", async () => {
    const it = await bench({
      deliver:
        'ask: { question: "What was cleaned?", into: cleaned }, description: "Fast.io says: {{ answers.cleaned | truncate 80 }}"',
    });
    const { run } = await it.drive((await it.drop()).id);
    expect(run).toMatchObject({ status: "delivered", warning: null });
    const share = await it.upstreams.fastio.readShare(run.shareId ?? "", signal);
    expect(share?.description).toMatch(/^Fast\.io says: .*(report\.md|table\.csv|cleaned\.csv)/s);
    expect(questionsAsked(it)).toEqual(["What was cleaned?"]);
  });

  test("that cannot be answered delays no delivery", async () => {
    const it = await bench({
      deliver:
        'ask: { question: "What?", into: said }, description: "Said: {{ answers.said | default \\"nothing\\" }}."',
    });
    const { id } = await it.drop();
    await it.driveToShares(id);
    await switchOff(it);
    const { run } = await it.drive(id);
    expect(run).toMatchObject({
      status: "delivered",
      warning: expect.stringContaining("intelligence is switched off"),
    });
    expect((await it.upstreams.fastio.readShare(run.shareId ?? "", signal))?.description).toBe("Said: nothing.");
  });
});

test.each([
  ["files", "none of the files it is about lies in the workspace"],
  ["folder", "no folder of the workspace holds the files it is about"],
] as const)("about the %s of what lies in a share is never put to the whole workspace", async (scope, note) => {
  const rule = sampleRule({ name: `in-a-share-${scope}`, deliver: "storage: own" });
  const run = await givenRun(ledger.db, rule, { sourceShareId: "4123456789012345678" });
  const deps = {
    db: ledger.db,
    fastio: {
      isAskable: async () => ({ kind: "ready" as const }),
      readNode: async () => {
        throw new Error("the workspace was searched for it");
      },
    },
  };
  const ask = { question: "Who?", into: "parties", scope, citations: false };
  for (const phase of ["before", "after"] as const)
    expect(await readyScope(deps, run, ask, phase, true, signal)).toEqual({ kind: "never", note });
});

test("a rule in the shadow asks before its workflow, and neither asks nor tells after it", async () => {
  const it = await bench({
    run: askParties(),
    deliver: 'ask: { question: "What was cleaned?", into: cleaned }, receipt: comment, notice: NOTICE_URL',
    shadow: true,
  });
  const { run } = await it.drive((await it.drop()).id);
  expect(run.status).toBe("delivered");
  await orderTellings(it.db, Date.now());
  expect(questionsAsked(it)).toEqual(["Who signs table.csv?"]);
  expect(await findReceipt(it.db, run.id)).toBeUndefined();
  expect(await listNotices(it.db, run.id)).toEqual([]);
});

test("a batch is asked about as a whole, once it is known what it holds", async () => {
  const it = await bench(
    {
      run: `group: batch, ${askParties("citations: true")}`,
      inputs: '{ tables: "{{ files }}" }',
      title: "{{ files.label }}",
    },
    { dify: { apps: [{ ...TABLES_APP, inputs: [...TABLES_APP.inputs, REQUIRED_LONG] }] } },
  );
  for (const name of ["anna.csv", "otto.csv"]) {
    const { nodeId } = await it.fastio.dropFile({
      folder: "/Inbox",
      name,
      content: `name\nWho signs? ${name} does.\n`,
    });
    await it.route(nodeId);
  }
  const [batch] = await it.db.select().from(runs).where(eq(runs.ruleName, it.rule.name));
  const id = batch?.id ?? "";
  await closeBatches(it.db, Date.now() + 3_600_000);
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", fileCount: 2 });
  expect(questionsAsked(it)).toHaveLength(1);
  expect(it.dify.books().runs[0]?.inputs["parties"]).toMatch(/Found in: .*anna\.csv.*otto\.csv/);
});

async function switchOff({ fastio }: Workbench): Promise<void> {
  const response = await fetch(`${fastio.apiUrl}/workspace/${fastio.workspaceId}/update/`, {
    method: "POST",
    headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    body: new URLSearchParams({ intelligence: "false" }),
  });
  expect(response.status).toBe(200);
}
