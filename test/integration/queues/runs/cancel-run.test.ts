import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { cancelRun, lookAgain } from "../../../../handlers/cancel-run.ts";
import { replayRun } from "../../../../handlers/replay-run.ts";
import { systemClock } from "../../../../src/clock.ts";
import { operatorActions, type RunRow, runs } from "../../../../src/ledger/schema.ts";
import { SOON } from "../../../support/soon.ts";
import { openTestLedger, readRunRow, replayDeps, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const bench = (options?: WorkbenchOptions): Promise<Workbench> => openWorkbench(ledger.db, options);

const LONG_MS = 300_000;
const RUN = { method: "POST", path: "/workflows/run" };
const deps = {
  get db() {
    return ledger.db;
  },
  clock: systemClock,
};
const cancel = (id: string, reason?: string) =>
  cancelRun({ ...deps, waitMs: 0 })(id, { actor: "anna", ...(reason === undefined ? {} : { reason }) });
const read = (id: string): Promise<RunRow> => readRunRow(ledger.db, id);
const actionsOn = (id: string) => ledger.db.select().from(operatorActions).where(eq(operatorActions.target, id));

/** A run whose workflow is at work, in the hands of a worker. */
async function atWork(it: Workbench): Promise<{ readonly id: string; readonly turn: ReturnType<Workbench["turn"]> }> {
  const { id } = await it.drop();
  const turn = it.turn(id);
  await vi.waitFor(async () => expect((await read(id)).taskId).not.toBeNull(), SOON);
  return { id, turn };
}

describe("before a workflow was started", () => {
  test.each([
    { what: "queued", change: {} },
    { what: "waiting for its app", change: { waitingApp: "some-app", notBeforeMs: Date.now() + 600_000 } },
    { what: "held", change: { status: "held" as const, queue: null } },
  ])("a run that is $what is cancelled at once, with who and why", async ({ change }) => {
    const it = await bench();
    const { id } = await it.drop();
    await ledger.db
      .update(runs)
      .set({ queue: "runs", ...change })
      .where(eq(runs.id, id));
    const told = { kind: "cancelled", run: id, note: expect.stringContaining("no workflow had been started") };
    expect(await cancel(id, "wrong\nfolder")).toEqual(told);
    const row = await read(id);
    expect(row).toMatchObject({ status: "cancelled", queue: null, waitingApp: null, errorCode: "run_cancelled" });
    expect(row.errorMessage).toContain("(wrong folder)");
    expect(row.finishedAtMs).not.toBeNull();
    // Asked again, it says the same and is written down once.
    expect(await cancel(id)).toEqual(told);
    expect(await actionsOn(id)).toMatchObject([
      { actor: "anna", action: "run.cancel", detail: { reason: "wrong folder" } },
    ]);
    expect(it.dify.books().runs).toEqual([]);
  });

  test("many that wait are cancelled, and the others run", async () => {
    const it = await bench();
    const ids: string[] = [];
    for (let file = 0; file < 6; file += 1) ids.push((await it.drop(`file-${file}.csv`)).id);
    for (const id of ids.slice(0, 4)) await cancel(id);
    for (const id of ids.slice(4)) expect((await it.drive(id)).run.status).toBe("delivered");
    expect(it.dify.books().runs).toHaveLength(2);
  });

  test("a run that is cancelled while its file is sent to Dify starts no workflow, and says so at once", async () => {
    const it = await bench();
    it.dify.addFault({ match: { method: "POST", path: "/files/upload" }, action: { kind: "latency", ms: 400 } });
    const { id } = await it.drop();
    const turn = it.turn(id);
    await vi.waitFor(async () => expect((await read(id)).status).toBe("fetching"), SOON);
    expect(await cancel(id)).toEqual({ kind: "asked", run: id });
    expect(await turn).toEqual({ kind: "done" });
    const row = await read(id);
    expect(row).toMatchObject({ status: "cancelled", submittedAtMs: null, submissions: 0 });
    expect(row.errorMessage).toContain("no workflow had been started");
    expect(it.dify.books().runs).toEqual([]);
  });

  test("a cancelled run can be replayed", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await cancel(id, "too early");
    expect(await replayRun(replayDeps(ledger.db))(id, { actor: "operator" })).toMatchObject({
      kind: "replayed",
      run: id,
    });
    expect((await it.drive(id)).run).toMatchObject({ status: "delivered", cancelAskedAtMs: null, errorCode: null });
  });
});

describe("while the workflow runs", () => {
  test.each(["P1", "P2", "P3"] as const)("%s: its worker stops it, and Dify confirms", async (profile) => {
    const it = await bench({ dify: { profile, workMs: LONG_MS } });
    const { id, turn } = await atWork(it);
    expect(await cancel(id)).toEqual({ kind: "asked", run: id });
    expect(await cancel(id)).toEqual({ kind: "asked", run: id });
    const askedMs = Date.now();
    expect(await turn).toEqual({ kind: "done" });
    expect(Date.now() - askedMs).toBeLessThan(LONG_MS / 10);
    expect(await read(id)).toMatchObject({ status: "cancelled", queue: null, workflowStatus: "stopped" });
    expect((await cancel(id)).kind).toBe("cancelled");
    expect((await read(id)).errorMessage).toContain("Dify confirmed that the workflow run stopped");
    expect(it.dify.books().runs).toMatchObject([{ status: "stopped" }]);
    expect(await actionsOn(id)).toHaveLength(1);
  });

  test("a slot of the app is free for the next run at once", async () => {
    const it = await bench({ dify: { workMs: LONG_MS }, limit: { start: 1, ceiling: 1 } });
    const { id, turn } = await atWork(it);
    await cancel(id);
    await turn;
    const next = await it.drop("next.csv");
    const second = it.turn(next.id);
    await vi.waitFor(async () => expect((await read(next.id)).taskId).not.toBeNull(), SOON); // the first would have worked for longer
    await cancel(next.id);
    expect(await second).toEqual({ kind: "done" });
  });

  test("Dify that goes on all the same is not said to have stopped", async () => {
    const it = await bench({ dify: { workMs: LONG_MS } });
    it.dify.addFault({ match: { method: "POST", path: "/stop" }, times: 0, action: { kind: "stop_ignored" } });
    const { id, turn } = await atWork(it);
    await cancel(id);
    await turn;
    expect(await read(id)).toMatchObject({ status: "cancelled" });
    expect((await read(id)).errorMessage).toContain("has not confirmed it");
  });

  test("a run whose answer was lost is found by its user, and stopped", async () => {
    const it = await bench({
      dify: { workMs: 4_000 },
      policy: { absentAfterMs: 60_000, lookUpPauseMs: { shortest: 9_000, longest: 9_000 } },
    });
    it.dify.addFault({ match: RUN, action: { kind: "gateway" } });
    it.dify.addFault({ action: { kind: "queue_delay", ms: 2_000 } });
    const { id } = await it.drop();
    expect(await it.turn(id)).toMatchObject({ kind: "later" });
    expect(await read(id)).toMatchObject({ workflowRunId: null, leaseOwner: null });
    expect(await cancel(id)).toEqual({ kind: "asked", run: id });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "cancelled", workflowStatus: "stopped" });
    expect(it.dify.books().runs).toMatchObject([{ id: run.workflowRunId, status: "stopped" }]);
  });

  test("the wish outlives the worker: the next one carries it out", async () => {
    const it = await bench({ dify: { workMs: LONG_MS } });
    const { id } = await it.drop();
    const death = new AbortController();
    const turn = it.turn(id, death.signal);
    await vi.waitFor(async () => expect((await read(id)).taskId).not.toBeNull(), SOON);
    death.abort(new Error("the process ends"));
    await turn;
    // What a killed process leaves: a lease that nobody renews.
    await ledger.db
      .update(runs)
      .set({ leaseOwner: "dead", leaseUntilMs: Date.now() + 300 })
      .where(eq(runs.id, id));
    expect(await cancel(id)).toEqual({ kind: "asked", run: id });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "cancelled", workflowStatus: "stopped" });
    expect(it.dify.books().runs).toMatchObject([{ status: "stopped" }]);
  });

  test("a workflow that waits for a person is stopped", async () => {
    const it = await bench();
    it.dify.addFault({ action: { kind: "pause" } });
    const { id } = await it.drop();
    await it.turn(id);
    expect(await read(id)).toMatchObject({ status: "paused" });
    expect((await cancel(id)).kind).toBe("asked");
    expect((await it.drive(id)).run).toMatchObject({ status: "cancelled", workflowStatus: "stopped" });
  });

  test("a cancelled run is replayed with a workflow run of its own", async () => {
    const it = await bench({ dify: { workMs: 1_500 } });
    const { id, turn } = await atWork(it);
    await cancel(id);
    await turn;
    const first = (await read(id)).workflowRunId;
    await replayRun(replayDeps(ledger.db))(id, { actor: "operator" });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", spentRunIds: [first] });
  });
});

describe("once the workflow has finished", () => {
  test("nothing of it is delivered, and that is said", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    await cancel(id);
    const { run } = await it.drive(id);
    expect(run.status).toBe("cancelled");
    expect(run.errorMessage).toContain("had finished already; its outputs were not delivered");
    expect(it.fastio.books().shares).toEqual([]);
    await replayRun(replayDeps(ledger.db))(id, { actor: "operator" });
    expect((await it.drive(id)).run.status).toBe("delivered");
    expect(it.dify.books().runs).toHaveLength(1);
  });

  test("a share that stands already is told of, though its maker died before he wrote it down", async () => {
    const it = await bench();
    const { id } = await it.drop();
    expect((await it.drive(id)).run.status).toBe("delivered");
    await ledger.db
      .update(runs)
      .set({ status: "delivering", queue: "shares", shareId: null, shareUrl: null, finishedAtMs: null })
      .where(eq(runs.id, id));
    await cancel(id);
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "cancelled", shareId: expect.any(String) });
    expect(run.errorMessage).toContain("the share had been made and stays");
  });

  test("a delivered run is not cancelled", async () => {
    const it = await bench();
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(await cancel(id)).toEqual({ kind: "ended", run: id, status: "delivered", share: run.shareUrl });
    expect(await read(id)).toMatchObject({ status: "delivered", cancelAskedAtMs: null });
    expect(await actionsOn(id)).toEqual([]);
  });

  test("an unknown run is said to be unknown", async () => {
    expect(await cancel("rnone")).toEqual({ kind: "unknown_run", run: "rnone" });
  });
});

describe("a run of which nobody can tell what became of it", () => {
  const lost = { rule: { run: "timeout: 1s" } };
  async function parked(it: Workbench): Promise<string> {
    it.dify.addFault({ action: { kind: "lost_after_start", ms: 20 } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "paused", queue: null, errorCode: "dify_run_lost" });
    expect(run.nextAction).toContain(`relay-${id}`);
    return id;
  }

  test("is looked for again on demand, and laid aside again while nothing has changed", async () => {
    const it = await bench(lost);
    const id = await parked(it);
    const look = lookAgain(deps);
    expect(await look(id, { actor: "anna" })).toEqual({ kind: "looks", run: id });
    expect(await look(id, { actor: "anna" })).toMatchObject({ kind: "not_parked" });
    expect((await it.drive(id)).run).toMatchObject({ status: "paused", queue: null });
    expect(it.dify.books().runs).toHaveLength(1);
    expect(await actionsOn(id)).toMatchObject([{ action: "run.look_again", actor: "anna" }]);
  });

  test("is started anew on demand, and the old workflow run is left behind", async () => {
    const it = await bench(lost);
    const id = await parked(it);
    const old = (await read(id)).workflowRunId;
    expect(await replayRun(replayDeps(ledger.db))(id, { actor: "operator" })).toMatchObject({
      kind: "replayed",
      run: id,
    });
    expect((await it.drive(id)).run).toMatchObject({ status: "delivered", spentRunIds: [old] });
  });

  test("is given up on demand", async () => {
    const it = await bench(lost);
    const id = await parked(it);
    await cancel(id, "not worth it");
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "cancelled" });
    expect(run.errorMessage).toMatch(/not worth it.*has not confirmed it|goes on there/);
  });

  test("a rule that asks is not started again when a submission left no trace", async () => {
    const it = await bench({ rule: { run: "whenUntraced: ask" }, policy: { absentAfterMs: 100 } });
    it.dify.addFault({ match: RUN, action: { kind: "drop", when: "before" } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "paused", queue: null, workflowRunId: null, submissions: 1 });
    await replayRun(replayDeps(ledger.db))(id, { actor: "operator" });
    expect((await it.drive(id)).run).toMatchObject({ status: "delivered", submissions: 2 });
    expect(it.dify.books().runs).toHaveLength(1);
  });
});
