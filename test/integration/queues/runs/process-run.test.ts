import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { changeRuleState } from "../../../../handlers/change-rule-state.ts";
import { createReadRuns } from "../../../../handlers/read-runs.ts";
import { systemClock } from "../../../../src/clock.ts";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import type { Profile } from "../../../../src/emulators/dify/profile.ts";
import type { SentRunAction } from "../../../../src/emulators/dify/run-faults.ts";
import { listAttempts } from "../../../../src/ledger/attempts.ts";
import { listOutputs } from "../../../../src/ledger/outputs.ts";
import { replayRun } from "../../../../src/ledger/replay-run.ts";
import { findRuleState } from "../../../../src/ledger/rule-state-queries.ts";
import { runs } from "../../../../src/ledger/schema.ts";
import { difyUserOf } from "../../../../src/run-id.ts";
import { SOON } from "../../../support/soon.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const bench = (options?: WorkbenchOptions): Promise<Workbench> => openWorkbench(ledger.db, options);

const RUN = { method: "POST", path: "/workflows/run" };
const PROFILES: readonly Profile[] = ["P1", "P2", "P3"];

/** The promise of every test here: one workflow run, one share with all outputs, whatever happened between. */
async function expectOneResult({ dify, fastio }: Workbench, runId: string): Promise<void> {
  expect(dify.books().runs).toMatchObject([{ user: difyUserOf(runId), status: "succeeded" }]);
  const { shares } = fastio.books();
  expect(shares).toHaveLength(1);
  expect(shares[0]?.files.map(({ name }) => name).sort()).toEqual(["cleaned.csv", "report.md", "stats.json"]);
}

test.each(PROFILES)("%s: a file goes in, its outputs come out, and the ledger knows every handle", async (profile) => {
  const it = await bench({ dify: { profile } });
  const { id } = await it.drop();
  const { run, turns } = await it.drive(id);
  expect(turns).toEqual([{ kind: "done" }, { kind: "done" }]);
  await expectOneResult(it, id);
  const [workflowRun] = it.dify.books().runs;
  const [share] = it.fastio.books().shares;
  expect(run).toMatchObject({
    status: "delivered",
    queue: null,
    workflowRunId: workflowRun?.id,
    taskId: workflowRun?.taskId,
    workflowStatus: "succeeded",
    submissions: 1,
    failures: 0,
    shareId: share?.id,
    warning: null,
    errorCode: null,
    leaseOwner: null,
  });
  expect(it.dify.books().uploads).toHaveLength(1);
  const attempts = await listAttempts(ledger.db, id);
  expect(attempts.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
    "fetch done",
    "workflow done",
    "collect done",
    "folder done",
    "place done",
    "share done",
  ]);
});

describe.each(PROFILES)("%s: whatever becomes of the stream, one workflow run is delivered once", (profile) => {
  test.each<{ name: string; action: SentRunAction }>([
    { name: "the first frame is lost", action: { kind: "drop_first", frames: 1 } },
    { name: "the first three frames are lost", action: { kind: "drop_first", frames: 3 } },
    { name: "cut before any frame", action: { kind: "cut_after", frames: 0 } },
    { name: "cut inside the first frame", action: { kind: "cut_after", frames: 0, at: "inside" } },
    { name: "cut after the first frame", action: { kind: "cut_after", frames: 1 } },
    { name: "cut inside the third frame", action: { kind: "cut_after", frames: 2, at: "inside" } },
    { name: "cut between the newlines of a frame", action: { kind: "cut_after", frames: 2, at: "between newlines" } },
    { name: "the last frame never comes", action: { kind: "drop_terminal" } },
    { name: "no frame ever comes", action: { kind: "silence", ms: 30 } },
    { name: "one byte at a time", action: { kind: "chunking", bytes: 1 } },
    { name: "the run waits for a worker", action: { kind: "queue_delay", ms: 120 } },
    { name: "a gateway gives up on the answer", action: { kind: "gateway" } },
  ])("$name", async ({ action }) => {
    const it = await bench({ dify: { profile } });
    it.dify.addFault({ action });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", submissions: 1, errorCode: null });
    await expectOneResult(it, id);
  });
});

test.each([
  { what: "the file that was dropped", at: "fastio", path: "/read/?" },
  { what: "an output", at: "dify", path: "/files/tools/" },
] as const)("a page that some proxy sends in place of $what is not taken for it", async ({ at, path }) => {
  const undisturbed = await bench();
  await undisturbed.drive((await undisturbed.drop()).id);
  const it = await bench();
  const page = {
    kind: "status",
    status: 200,
    body: "<html>back soon</html>",
    headers: { "content-type": "text/html" },
  };
  it[at].addFault({ match: { path }, action: { ...page, kind: "status" } });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", submissions: 1 });
  const uploads = ({ dify }: Workbench) => dify.books().uploads.map(({ sha256 }) => sha256);
  expect(uploads(it)).toEqual(uploads(undisturbed));
  expect(it.fastio.books().shares[0]?.files).toEqual(undisturbed.fastio.books().shares[0]?.files);
});

test.each([
  { of: "the app's variables", match: { path: "/parameters" } },
  { of: "the file", match: { path: "/files/upload" } },
  { of: "the run's record", match: { method: "GET", path: "/workflows/run/" } },
])("a refusal in JSON that some gateway sends with 200, asked $of, fails no run", async ({ match }) => {
  const it = await bench();
  it.dify.addFault({ action: { kind: "cut_after", frames: 1 } });
  const body = { code: 429, message: "slow down" };
  it.dify.addFault({ match, action: { kind: "status", status: 200, body } });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", submissions: 1 });
  await expectOneResult(it, id);
});

describe("the answer to POST /workflows/run is lost", () => {
  test.each(PROFILES)("%s: after it had its effect, the run is found again and not started anew", async (profile) => {
    const it = await bench({ dify: { profile } });
    it.dify.addFault({ match: RUN, action: { kind: "drop", when: "after" } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", submissions: 1 });
    expect(it.dify.books().requests["run"] ?? 0).toBe(1);
    await expectOneResult(it, id);
  });

  test.each(PROFILES)(
    "%s: before it had any, it is started again once Dify has shown no trace for long",
    async (profile) => {
      const it = await bench({ dify: { profile }, policy: { absentAfterMs: 400 } });
      it.dify.addFault({ match: RUN, action: { kind: "drop", when: "before" } });
      const { id } = await it.drop();
      const startedAtMs = Date.now();
      const { run } = await it.drive(id);
      expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(400);
      expect(run).toMatchObject({ status: "delivered", submissions: 2 });
      await expectOneResult(it, id);
    },
  );

  test("what is not seen right after a start may still wait in Dify's queue, however long ago it was asked for", async () => {
    const pause = { shortest: 9_000, longest: 9_000 };
    const it = await bench({ policy: { absentAfterMs: 60_000, lookUpPauseMs: pause }, upMs: () => 1_000 });
    const { id } = await it.drop();
    await ledger.db
      .update(runs)
      .set({ submittedAtMs: Date.now() - 3_600_000, submissions: 1 })
      .where(eq(runs.id, id));
    expect(await it.turn(id)).toMatchObject({ kind: "later" });
    expect(it.dify.books().runs).toEqual([]);
  });

  test("a refusal leaves no run for sure, so it is tried again without waiting for a trace", async () => {
    const it = await bench({ policy: { absentAfterMs: 60_000 } });
    it.dify.addFault({ match: RUN, action: { kind: "status", status: 429, body: { code: "too_many_requests" } } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", submissions: 1 });
    await expectOneResult(it, id);
  });

  test("a run that never comes to be is laid aside after so many submissions, and a person is asked", async () => {
    const it = await bench({ policy: { absentAfterMs: 60, maxSubmissions: 2 } });
    it.dify.addFault({ match: RUN, times: 0, action: { kind: "drop", when: "before" } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "paused", errorCode: "dify_run_lost", errorStep: "workflow", submissions: 2 });
    expect(run.nextAction).toMatch(/replay/);
    expect(it.dify.books().runs).toEqual([]);
  });

  test("a run whose worker died is not waited for without end", async () => {
    const it = await bench({ rule: { run: "timeout: 1s" }, policy: { giveUpAfterMs: 300 } });
    it.dify.addFault({ action: { kind: "lost_after_start", ms: 20 } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "paused", queue: null, errorCode: "dify_run_lost" });
  });
});

describe("a busy Dify is waited for and burns no attempt", () => {
  test.each([
    { quotaStyle: 400, profile: "P1" },
    { quotaStyle: 429, profile: "P2" },
    { quotaStyle: 400, profile: "P3" },
  ] as const)("refusals spelled $quotaStyle on $profile", async ({ quotaStyle, profile }) => {
    const it = await bench({ dify: { profile } });
    it.dify.addFault({ times: 3, action: { kind: "overload", quotaStyle } });
    const { id } = await it.drop();
    const { run, turns } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", failures: 0, submissions: 1 });
    // Between the refusals it waits in the ledger, and no job is kept for it.
    expect(turns.every(({ kind }) => kind === "done")).toBe(true);
    expect(it.dify.books().requests["run"]).toBe(4);
    await expectOneResult(it, id);
    const attempts = await listAttempts(ledger.db, id);
    expect(attempts.filter(({ step }) => step === "workflow").map(({ outcome }) => outcome)).toEqual(["later", "done"]);
    // The file was sent once, however often the run was refused.
    expect(it.dify.books().uploads).toHaveLength(1);
  });
});

describe("what only a person can mend pauses the rule", () => {
  const refusal = (status: number, code: string, message: string) => ({
    match: RUN,
    action: { kind: "status", status, body: { code, message, status } } as const,
  });
  test.each<{ name: string; fault: Parameters<Workbench["dify"]["addFault"]>[0]; code: string }>([
    { name: "the quota is used up", fault: { action: { kind: "quota_exhausted" } }, code: "dify_quota" },
    { name: "the workflow is not published", fault: { action: { kind: "unpublished" } }, code: "dify_unpublished" },
    {
      name: "the model's provider has no credentials",
      fault: refusal(400, "provider_not_initialize", "Provider credentials are missing."),
      code: "invalid_request",
    },
    {
      name: "the key is taken back",
      fault: refusal(401, "unauthorized", "Access token is invalid"),
      code: "unauthorized",
    },
  ])("$name", async ({ fault, code }) => {
    const it = await bench();
    it.dify.addFault(fault);
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "held", queue: null, failures: 0, errorCode: code, submittedAtMs: null });
    expect(run.nextAction).not.toBeNull();
    expect(await findRuleState(ledger.db, it.rule.name)).toMatchObject({ state: "paused", changedBy: "relay" });

    // A file that comes meanwhile is held too, and asks Dify for nothing.
    const later = await it.drop("later.csv");
    expect(later).toMatchObject({ status: "held", queue: null });

    await changeRuleState({ db: ledger.db, clock: systemClock, ruleNames: () => [it.rule.name] })(
      it.rule.name,
      "resume",
      { actor: "operator" },
    );
    expect((await it.drive(id)).run.status).toBe("delivered");
    expect((await it.drive(later.id)).run.status).toBe("delivered");
    expect(it.dify.books().runs).toHaveLength(2);
  });

  test("a run that waits in the queue when its rule is paused is held before it costs anything", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await changeRuleState({ db: ledger.db, clock: systemClock, ruleNames: () => [it.rule.name] })(
      it.rule.name,
      "pause",
      { actor: "operator" },
    );
    const { run } = await it.drive(id);
    expect(run).toMatchObject({
      status: "held",
      queue: null,
      errorMessage: "the rule is paused: paused by an operator",
    });
    expect(it.dify.books()).toMatchObject({ uploads: [], runs: [] });
  });

  test("a key variable that is not set names itself", async () => {
    const it = await bench({ rule: { run: "key: OTHER_KEY" } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "held", errorCode: "unauthorized" });
    expect(run.errorMessage).toContain("OTHER_KEY");
  });
});

describe("a workflow that does not succeed", () => {
  test.each(PROFILES)("%s: a failing node fails the run, in Dify's words", async (profile) => {
    const it = await bench({ dify: { profile } });
    it.dify.addFault({ action: { kind: "node_failure", message: "division by zero in node Work" } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({
      status: "failed",
      errorCode: "dify_run_failed",
      errorStep: "workflow",
      workflowStatus: "failed",
    });
    expect(run.errorMessage).toContain('failed in "Work": division by zero in node Work');
    expect(run).toMatchObject({
      totalTokens: 0,
      progress: null,
      nodes: [
        { title: "Start", status: "succeeded" },
        { title: "Work", type: "code", status: "failed", error: "division by zero in node Work", times: 1 },
      ],
    });
    expect(it.fastio.books().shares).toEqual([]);
  });

  test.each(PROFILES)("%s: an error of the engine fails the run, in Dify's words", async (profile) => {
    const it = await bench({ dify: { profile } });
    it.dify.addFault({ action: { kind: "error_frame", message: "the sandbox is away" } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "failed", errorCode: "dify_run_failed" });
    expect(run.errorMessage).toContain("the sandbox is away");
    expect(it.dify.books().runs).toHaveLength(1);
  });

  test.each(PROFILES)("%s: inputs that Dify refuses fail the run and name the fault", async (profile) => {
    const it = await bench({ dify: { profile, uploadLimits: 4 } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "failed", errorCode: "dify_file_refused", errorStep: "fetch" });
    expect(it.dify.books().runs).toEqual([]);
  });

  test("a partial success is delivered with a warning", async () => {
    const it = await bench();
    it.dify.addFault({ action: { kind: "partial" } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", workflowStatus: "partial-succeeded" });
    expect(run.warning).toMatch(/"Work" of the workflow failed and was handled: outputs may be partial/);
    expect(run.nodes.map(({ title, status }) => `${title} ${status}`)).toEqual([
      "Start succeeded",
      "Work exception",
      "Output succeeded",
    ]);
  });

  test("a partial success without any output keeps both warnings", async () => {
    const it = await bench({ dify: { apps: [appThat(async () => ({}))] } });
    it.dify.addFault({ action: { kind: "partial" } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run.status).toBe("delivered");
    expect(run.warning).toMatch(/partial/);
    expect(run.warning).toMatch(/no outputs/);
  });

  test.each(["P2", "P3"] as const)(
    "%s: a run that asks a person says so and is looked at again and again",
    async (profile) => {
      const it = await bench({ dify: { profile } });
      it.dify.addFault({ action: { kind: "pause" } });
      const { id } = await it.drop();
      const turn = await it.turn(id);
      expect(turn).toMatchObject({ kind: "later" });
      const run = await readRunRow(ledger.db, id);
      expect(run).toMatchObject({ status: "paused", queue: "runs", workflowStatus: "paused", errorCode: null });
      expect(run.nextAction).toMatch(/question/);
      expect(run.workflowRunId).toBe(it.dify.books().runs[0]?.id);
    },
  );
});

test("a run that stands ready for its app says so, and not any more once it has a slot", async () => {
  let finish = (): void => undefined;
  const isToFinish = new Promise<void>((resolve) => {
    finish = resolve;
  });
  onTestFinished(() => finish());
  const it = await bench({
    dify: { apps: [appThat(() => isToFinish.then(() => ({ answer: "done" })))] },
    limit: { start: 1, ceiling: 1 },
  });
  const [first, second] = [await it.drop("first.csv"), await it.drop("second.csv")];
  const read = () => readRunRow(ledger.db, second.id);
  const driven = it.drive(first.id);
  await vi.waitFor(() => expect(it.dify.books().runs).toHaveLength(1), SOON);
  const turn = it.turn(second.id);
  await vi.waitFor(async () => expect(await read()).toMatchObject({ progress: "waits for its turn in Dify" }), SOON);
  // It is at its worker still, with its file sent, and goes on without a delay.
  expect(await read()).toMatchObject({ status: "queued", waitingApp: null, leaseOwner: expect.any(String) });
  finish();
  await Promise.all([driven, turn]);
  expect(await read()).toMatchObject({ status: "delivering", progress: null });
  await it.drive(second.id);
});

describe("the nodes of the workflow", () => {
  const told = (run: { readonly nodes: readonly { title: string; status: string }[] }): readonly string[] =>
    run.nodes.map(({ title, status }) => `${title} ${status}`);
  const ALL_DONE = ["Start succeeded", "Work succeeded", "Output succeeded"];

  test("the ledger tells the one at work while it works, and afterwards all of them", async () => {
    let finish = (): void => undefined;
    const isToFinish = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const it = await bench({ dify: { apps: [appThat(() => isToFinish.then(() => ({ answer: "done" })))] } });
    const { id } = await it.drop();
    const driven = it.drive(id);
    const read = createReadRuns(ledger.db);
    try {
      // It began less than a second after the first was noted, and nothing comes after it.
      await vi.waitFor(async () => expect((await readRunRow(ledger.db, id)).progress).toBe("Work"), SOON);
      const story = await read.story(id);
      expect(told(story ?? { nodes: [] })).toEqual(["Start succeeded", "Work running"]);
      expect(story?.nodes[1]?.startedAtMs).toBeGreaterThan(Date.now() - 60_000);
    } finally {
      finish();
    }
    const { run } = await driven;
    expect(run).toMatchObject({ status: "delivered", progress: null });
    expect(told(run)).toEqual(ALL_DONE);
    expect(run.nodes.every(({ times, startedAtMs }) => times === 1 && startedAtMs === null)).toBe(true);
  });

  test("iterations, loops and branches side by side are told with their rounds, and cost what their inner nodes do", async () => {
    const parts = [
      { kind: "iteration", title: "Each page", inner: "Read page", rounds: 3 },
      { kind: "loop", title: "Until right", inner: "Improve", rounds: 2 },
      { kind: "parallel", branches: ["In French", "In German"] },
    ] as const;
    const model = { tokens: 10, price: "0.5", currency: "USD" };
    const it = await bench({ dify: { apps: [{ ...DEFAULT_APP, parts, model }] } });
    const { run } = await it.drive((await it.drop()).id);
    expect(run).toMatchObject({ status: "delivered", totalTokens: 80, cost: 4, currency: "USD" });
    expect(run.nodes.map(({ title, status, times, round }) => [title, status, times, round])).toEqual([
      ["Start", "succeeded", 1, null],
      ["Each page", "succeeded", 1, 3],
      ["Read page", "succeeded", 3, null],
      ["Until right", "succeeded", 1, 2],
      ["Improve", "succeeded", 2, null],
      ["In French", "succeeded", 1, null],
      ["In German", "succeeded", 1, null],
      ["Work", "succeeded", 1, null],
      ["Output", "succeeded", 1, null],
    ]);
  });

  test("a node that Dify tries again is told once", async () => {
    const it = await bench();
    it.dify.addFault({ action: { kind: "node_retry", times: 2 } });
    const { run } = await it.drive((await it.drop()).id);
    expect(told(run)).toEqual(ALL_DONE);
    expect(run.nodes[1]).toMatchObject({ times: 1, error: null });
  });

  test("heard again after a broken stream, each is told once", async () => {
    let finish = (): void => undefined;
    const isToFinish = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const it = await bench({
      dify: {
        profile: "P3",
        apps: [appThat(() => isToFinish.then(() => ({ answer: "done" })))],
        // At work until somebody listens again.
        observe: ({ phase, path }) => {
          if (phase === "after" && path.includes("/events")) finish();
        },
      },
    });
    it.dify.addFault({ action: { kind: "cut_after", frames: 3 } });
    const { run } = await it.drive((await it.drop()).id);
    expect(run.status).toBe("delivered");
    expect(told(run)).toEqual(ALL_DONE);
    expect(run.nodes.map(({ times }) => times)).toEqual([1, 1, 1]);
  });

  test("where the stream cannot be heard again, nothing is made up: a node last heard at work is unknown", async () => {
    const it = await bench({ dify: { profile: "P1", workMs: 400 } });
    it.dify.addFault({ action: { kind: "cut_after", frames: 4 } });
    const { run } = await it.drive((await it.drop()).id);
    expect(run).toMatchObject({ status: "delivered", progress: null });
    expect(told(run)).toEqual(["Start succeeded", "Work unknown"]);
  });

  test("a replay begins with none", async () => {
    const it = await bench();
    it.dify.addFault({ action: { kind: "node_failure", message: "boom" } });
    const { id } = await it.drop();
    expect(told((await it.drive(id)).run)).toEqual(["Start succeeded", "Work failed"]);
    await replayRun(ledger.db, id, Date.now());
    expect((await readRunRow(ledger.db, id)).nodes).toEqual([]);
    expect(told((await it.drive(id)).run)).toEqual(ALL_DONE);
  });
});

describe("outputs", () => {
  test("links that have expired fail the run with what to do", async () => {
    const it = await bench();
    it.dify.addFault({
      match: { method: "GET", path: "/files/tools/" },
      times: 0,
      action: { kind: "status", status: 403, body: "Invalid request." },
    });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "failed", errorCode: "output_expired", errorStep: "collect" });
    expect(run.nextAction).toMatch(/run the workflow again/i);
    expect(it.fastio.books().shares).toEqual([]);
  });

  test("are put into Fast.io once more when it says for a moment that something is not there", async () => {
    const it = await bench();
    const { id } = await it.drop();
    const body = { result: false, error: { code: 1609, text: "Not found." } };
    const action = { kind: "status", status: 404, body } as const;
    it.fastio.addFault({ match: { method: "POST", path: "/upload/" }, times: 2, action });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", errorCode: null });
    await expectOneResult(it, id);
  });

  test("an output that breaks off is fetched again, and those that were collected are kept", async () => {
    const it = await bench();
    it.dify.addFault({ match: { method: "GET", path: "/files/tools/" }, action: { kind: "truncate", bytes: 3 } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", failures: 0 });
    await expectOneResult(it, id);
    const outputs = await listOutputs(ledger.db, id);
    expect(outputs.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "file cleaned.csv",
      "text report.md",
      "json stats.json",
    ]);
  });

  test("NUL in a text, which PostgreSQL cannot hold, is replaced", async () => {
    const it = await bench({ dify: { apps: [appThat(async () => ({ answer: "a\u0000b" }))] } });
    const { id } = await it.drop();
    await it.driveToShares(id);
    expect(await listOutputs(ledger.db, id)).toMatchObject([{ name: "answer.txt", content: "a\uFFFDb", size: 5 }]);
    expect((await it.drive(id)).run.status).toBe("delivered");
  });
});

describe("the time a rule allows", () => {
  test.each(PROFILES)(
    "%s: a workflow that takes longer is stopped, though its stream still speaks",
    async (profile) => {
      const it = await bench({ rule: { run: "timeout: 1s" }, dify: { profile, workMs: 30_000, pingMs: 100 } });
      const { id } = await it.drop();
      const startedAtMs = Date.now();
      const { run } = await it.drive(id);
      expect(Date.now() - startedAtMs).toBeLessThan(20_000);
      expect(run).toMatchObject({ status: "failed", errorCode: "run_timed_out", errorStep: "workflow" });
      expect(run.nextAction).toMatch(/timeout/);
      expect(it.dify.books().requests["stop"]).toBe(1);
      expect(it.dify.books().runs).toMatchObject([{ status: "stopped" }]);
    },
  );

  test("a workflow that ended while the relay was away is delivered, however long that was", async () => {
    const it = await bench({ rule: { run: "timeout: 1s" }, dify: { workMs: 800 } });
    it.dify.addFault({ action: { kind: "cut_after", frames: 1 } });
    const { id } = await it.drop();
    const stop = new AbortController();
    const first = it.turn(id, stop.signal);
    await expect.poll(() => it.dify.books().runs.map(({ status }) => status)).toEqual(["running"]);
    stop.abort(new Error("the worker is closing"));
    expect(await first).toMatchObject({ kind: "later" });
    await expect.poll(() => Date.now() - (it.dify.books().runs[0]?.createdAtMs ?? Date.now())).toBeGreaterThan(1_200);
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", errorCode: null });
    await expectOneResult(it, id);
  });
});

describe("the way from Fast.io to Dify", () => {
  test.each([
    {
      name: "the download breaks off",
      at: "fastio",
      match: { method: "GET", path: "/read/" },
      action: { kind: "truncate", bytes: 5 },
    },
    {
      name: "the answer to the upload is lost",
      at: "dify",
      match: { method: "POST", path: "/files/upload" },
      action: { kind: "drop", when: "after" },
    },
    {
      name: "Dify is away",
      at: "dify",
      match: { path: "/parameters" },
      action: { kind: "status", status: 502, body: "bad gateway" },
    },
  ] as const)("$name: it is tried again and runs once", async ({ at, match, action }) => {
    const it = await bench();
    const { id } = await it.drop();
    it[at].addFault({ match, times: at === "dify" && action.kind === "status" ? 5 : 1, action });
    const { run, turns } = await it.drive(id);
    expect(turns.some(({ kind }) => kind === "threw")).toBe(true);
    expect(run).toMatchObject({ status: "delivered", failures: 0, errorCode: null });
    await expectOneResult(it, id);
  });

  test("a file that is gone by now cancels the run", async () => {
    const it = await bench();
    const { id } = await it.drop();
    it.fastio.addFault({
      match: { path: "/requestread/" },
      times: 0,
      action: { kind: "status", status: 404, body: { result: false, error: { code: 1609, text: "not found" } } },
    });
    it.fastio.addFault({
      match: { path: "/read/" },
      times: 0,
      action: { kind: "status", status: 404, body: { result: false, error: { code: 1609, text: "not found" } } },
    });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "cancelled", queue: null, errorStep: "fetch" });
    expect(it.dify.books().runs).toEqual([]);
  });
});

/** An app like the default one that does something else. */
const appThat = (work: () => Promise<Record<string, unknown>>) => ({ ...DEFAULT_APP, work });
