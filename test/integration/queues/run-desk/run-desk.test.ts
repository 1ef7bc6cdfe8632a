import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { changeRuleState } from "../../../../handlers/change-rule-state.ts";
import { MAX_ATTEMPTS } from "../../../../queues/failure-policy.ts";
import { type CancelProgress, type RunDesk, type RunProgress, workOnRun } from "../../../../queues/run-desk.ts";
import { systemClock } from "../../../../src/clock.ts";
import { PermanentError, TransientError } from "../../../../src/errors.ts";
import { listAttempts } from "../../../../src/ledger/attempts.ts";
import { askToCancel } from "../../../../src/ledger/cancel-run.ts";
import { findRuleState } from "../../../../src/ledger/rule-state-queries.ts";
import { createRunLeases } from "../../../../src/ledger/run-leases.ts";
import { type RunRow, type RunStep, ruleDays, runs } from "../../../../src/ledger/schema.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { silentMetrics } from "../../../../src/telemetry/metrics.ts";
import { silentTrace } from "../../../../src/telemetry/trace.ts";
import { rememberJumps } from "../../../../src/watch-clock.ts";
import { SOON } from "../../../support/soon.ts";
import { givenRun, openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const MOVED: RunProgress = { kind: "moved" };
const newRun = (change: Parameters<typeof givenRun>[2] = {}, name = `rule-${randomUUID()}`): Promise<RunRow> =>
  givenRun(ledger.db, sampleRule({ name }), change);
const read = (id: string): Promise<RunRow> => readRunRow(ledger.db, id);

function work(
  run: RunRow,
  handle: (desk: RunDesk) => Promise<RunProgress>,
  signal: AbortSignal = new AbortController().signal,
  cancel: (desk: RunDesk) => Promise<CancelProgress> = async () => ({ kind: "cancelled", note: "nothing was there" }),
  clock = systemClock,
  jumpedSince = rememberJumps(clock),
) {
  const deps = {
    db: ledger.db,
    leases: createRunLeases(ledger.db),
    clock,
    jumpedSince,
    random: () => 0,
    newId: () => randomUUID(),
    log: silentLog,
    metrics: silentMetrics,
    trace: silentTrace,
  };
  return workOnRun(deps, { runId: run.id, queue: run.queue ?? "runs" }, signal, {
    advance: handle,
    cancel,
    isInterruptible: true,
  });
}

/** As if the time had come that the last job asked for. */
const waitOut = (id: string) => ledger.db.update(runs).set({ notBeforeMs: 0 }).where(eq(runs.id, id));

/** One job that fails at a step. */
async function failAt(run: RunRow, step: RunStep, error: unknown) {
  await waitOut(run.id);
  return work(run, (desk) =>
    desk.step(step, async () => {
      throw error;
    }),
  );
}

/** Another worker takes the run, as it may once a lease has run out. */
const takeAway = (id: string) =>
  ledger.db
    .update(runs)
    .set({ leaseOwner: "another worker", leaseUntilMs: Date.now() + 60_000 })
    .where(eq(runs.id, id));

describe("one worker at a time", () => {
  test("a run that somebody holds is put off until that lease has ended", async () => {
    const run = await newRun();
    await takeAway(run.id);
    const outcome = await work(run, async () => {
      throw new Error("must not be asked");
    });
    const { leaseUntilMs, leaseOwner } = await read(run.id);
    expect(outcome).toEqual({ kind: "later", atMs: leaseUntilMs + 100 });
    expect(leaseOwner).toBe("another worker");
  });

  test("a lease that has run out is taken over", async () => {
    const run = await newRun({ leaseOwner: "a dead worker", leaseUntilMs: Date.now() - 1 });
    expect(await work(run, async () => MOVED)).toEqual({ kind: "done" });
    expect(await read(run.id)).toMatchObject({ leaseOwner: null, leaseUntilMs: 0 });
  });

  test.each([
    { what: "ahead", byMs: 86_400_000 },
    { what: "back", byMs: -3_600_000 },
    { what: "back by more", byMs: -86_400_000 },
  ])(
    "a clock that is put $what takes no run from its worker, and its workflow seems to have taken no longer",
    async ({ byMs }) => {
      let shiftMs = 0;
      const clock = { ...systemClock, now: () => Date.now() + shiftMs };
      const tookMs = 300_000;
      const run = await newRun({ submittedAtMs: Date.now() - tookMs });
      const seemsMs = ({ submittedAtMs }: RunRow): number => clock.now() - (submittedAtMs ?? 0);
      const handle = async (desk: RunDesk): Promise<RunProgress> => {
        shiftMs = byMs;
        expect(seemsMs(desk.run)).toBeLessThan(tookMs + 30_000);
        // Renewed twice by the clock that was set.
        const renewed = async (): Promise<void> => {
          const { leaseUntilMs } = await read(run.id);
          await vi.waitFor(async () => expect((await read(run.id)).leaseUntilMs).not.toBe(leaseUntilMs), SOON);
        };
        await renewed();
        await renewed();
        desk.signal.throwIfAborted();
        return MOVED;
      };
      expect(await work(run, handle, undefined, undefined, clock)).toEqual({ kind: "done" });
      expect(seemsMs(await read(run.id))).toBeLessThan(tookMs + 30_000);
      expect(seemsMs(await read(run.id))).toBeGreaterThan(-300_000);
    },
  );

  test("a workflow that was left to itself while the clock was put ahead seems to have taken no longer, and is told so once", async () => {
    let shiftMs = 0;
    const clock = { ...systemClock, now: () => Date.now() + shiftMs };
    const jumpedSince = rememberJumps(clock);
    const run = await newRun({ submittedAtMs: Date.now() - 60_000, updatedAtMs: Date.now() - 5_000 });
    shiftMs = 86_400_000;
    for (let turn = 0; turn < 2; turn += 1) {
      let seemsMs = 0;
      const handle = async (desk: RunDesk): Promise<RunProgress> => {
        seemsMs = clock.now() - (desk.run.submittedAtMs ?? 0);
        return { kind: "postpone", delayMs: 0 };
      };
      await work(run, handle, undefined, undefined, clock, jumpedSince);
      expect(seemsMs).toBeGreaterThanOrEqual(60_000);
      expect(seemsMs).toBeLessThan(120_000);
    }
  });

  test.each([
    { what: "a day", aheadMs: 86_400_000 },
    { what: "an hour", aheadMs: 3_540_000 },
  ])("a workflow that a clock $what ahead asked for is waited for from now on", async ({ aheadMs }) => {
    const run = await newRun({ submittedAtMs: Date.now() + aheadMs });
    await work(run, async () => ({ kind: "postpone", delayMs: 1_000 }));
    expect((await read(run.id)).submittedAtMs).toBeLessThanOrEqual(Date.now());
  });

  test("of two jobs for one run only one works", async () => {
    const run = await newRun();
    let working = 0;
    const handle = async (): Promise<RunProgress> => {
      working += 1;
      await vi.waitFor(() => expect(outcomes).toHaveLength(1), SOON);
      return MOVED;
    };
    const outcomes: unknown[] = [];
    const jobs = [work(run, handle), work(run, handle)].map((job) => job.then((outcome) => outcomes.push(outcome)));
    await Promise.all(jobs);
    expect(working).toBe(1);
    expect(outcomes).toEqual([{ kind: "later", atMs: expect.any(Number) }, { kind: "done" }]);
  });

  test("a run that is no business of this queue is done with", async () => {
    const handle = async (): Promise<RunProgress> => {
      throw new Error("must not be asked");
    };
    expect(await work({ ...(await newRun({ queue: "shares" })), queue: "runs" }, handle)).toEqual({ kind: "done" });
    expect(await work(await newRun({ queue: null, status: "delivered" }), handle)).toEqual({ kind: "done" });
    expect(await work({ ...(await newRun()), id: "nobody-knows-it" }, handle)).toEqual({ kind: "done" });
  });

  test("who has lost the lease is told to stop, and writes nothing", async () => {
    const run = await newRun();
    const outcome = await work(run, (desk) =>
      desk.step("workflow", async () => {
        await desk.checkpoint({ progress: "before" });
        await takeAway(run.id);
        await new Promise((resolve) => desk.signal.addEventListener("abort", resolve, { once: true }));
        expect(desk.signal.reason).toMatchObject({ code: "lease_lost" });
        await desk.checkpoint({ progress: "after" });
        return MOVED;
      }),
    );
    expect(outcome).toEqual({ kind: "later", atMs: expect.any(Number) });
    expect(await read(run.id)).toMatchObject({ progress: "before", leaseOwner: "another worker", failures: 0 });
    expect(await listAttempts(ledger.db, run.id)).toEqual([]);
  });

  test("a checkpoint after the lease was lost changes nothing, even before the worker knows", async () => {
    const run = await newRun();
    const outcome = await work(run, async (desk) => {
      await takeAway(run.id);
      await desk.checkpoint({ workflowRunId: "mine" });
      return MOVED;
    });
    expect(outcome.kind).toBe("later");
    expect(await read(run.id)).toMatchObject({ workflowRunId: null, leaseOwner: "another worker", errorCode: null });
  });

  test("a failure after the lease was lost is not written over the other worker's run", async () => {
    const run = await newRun();
    const outcome = await work(run, (desk) =>
      desk.step("workflow", async () => {
        await takeAway(run.id);
        throw new PermanentError("dify_run_failed", "the workflow failed");
      }),
    ).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: "lease_lost" });
    expect(await read(run.id)).toMatchObject({ status: "queued", queue: "runs", errorCode: null });
  });

  test("a lease is renewed as long as the work lasts", async () => {
    const run = await newRun();
    await work(run, async () => {
      const first = (await read(run.id)).leaseUntilMs;
      await vi.waitFor(async () => expect((await read(run.id)).leaseUntilMs).toBeGreaterThan(first), SOON);
      return MOVED;
    });
    expect(await read(run.id)).toMatchObject({ leaseOwner: null });
  });
});

test("shutdown gives the run back at once and burns no attempt", async () => {
  const run = await newRun();
  const stop = new AbortController();
  const outcome = await work(
    run,
    (desk) =>
      desk.step("workflow", async () => {
        await desk.checkpoint({ workflowRunId: "known" });
        stop.abort(new TransientError("aborted", "the worker is closing"));
        desk.signal.throwIfAborted();
        return MOVED;
      }),
    stop.signal,
  );
  expect(outcome).toEqual({ kind: "later", atMs: expect.any(Number) });
  expect(await read(run.id)).toMatchObject({
    workflowRunId: "known",
    leaseOwner: null,
    leaseUntilMs: 0,
    failures: 0,
    errorCode: null,
    queue: "runs",
  });
  expect(await listAttempts(ledger.db, run.id)).toEqual([]);
});

test("a job that comes before the run's time is sent back until then", async () => {
  const atMs = Date.now() + 60_000;
  const run = await newRun({ notBeforeMs: atMs });
  const outcome = await work(run, async () => {
    throw new Error("must not be asked");
  });
  expect(outcome).toEqual({ kind: "later", atMs: atMs + 100 });
});

test("work that is put off waits in the ledger too", async () => {
  const run = await newRun();
  const beforeMs = Date.now();
  const outcome = await work(run, async () => ({ kind: "postpone", delayMs: 30_000 }));
  expect(outcome).toEqual({ kind: "later", atMs: expect.any(Number) });
  const { notBeforeMs, leaseOwner, failures } = await read(run.id);
  expect(notBeforeMs).toBeGreaterThanOrEqual(beforeMs + 30_000);
  expect({ leaseOwner, failures }).toEqual({ leaseOwner: null, failures: 0 });
});

describe("what a failure leaves in the ledger", () => {
  test("an outage: when to try again, how often it failed, and why", async () => {
    const run = await newRun();
    const beforeMs = Date.now();
    const outage = new TransientError("upstream_unavailable", "Dify answered 502");
    await expect(failAt(run, "fetch", outage)).rejects.toMatchObject({ retryable: true, retryAfterMs: 1_000 });
    const row = await read(run.id);
    expect(row).toMatchObject({
      status: "queued",
      queue: "runs",
      failures: 1,
      errorCode: "upstream_unavailable",
      errorMessage: "Dify answered 502",
      errorStep: "fetch",
      leaseOwner: null,
      finishedAtMs: null,
    });
    expect(row.notBeforeMs).toBeGreaterThanOrEqual(beforeMs + 1_000);
    await expect(failAt(run, "fetch", outage)).rejects.toMatchObject({ retryAfterMs: 2_000 });
    expect(await read(run.id)).toMatchObject({ failures: 2 });
  });

  test.each([
    { what: "an outage", error: new TransientError("connect_failed", "the ledger is away") },
    { what: "a fault", error: new Error("the connection was closed") },
    { what: "a refusal", error: new PermanentError("invalid_request", "no") },
  ])("$what after a run has ended changes nothing of how it ended", async ({ error }) => {
    const run = await newRun();
    const ended = { status: "delivered", queue: null, finishedAtMs: Date.now() } as const;
    const outcome = await work(run, async (desk) => {
      await desk.checkpoint(ended);
      throw error;
    });
    expect(outcome).toEqual({ kind: "done" });
    expect(await read(run.id)).toMatchObject({ ...ended, errorCode: null, failures: 0, leaseOwner: null });
  });

  test.each([
    { where: "the queue of shares", given: { status: "delivering", queue: "shares" } },
    { where: "a person", given: { status: "paused", queue: null } },
  ] as const)("a fault after a run was given to $where counts for nothing there", async ({ given }) => {
    const run = await newRun();
    const outcome = await work(run, async (desk) => {
      await desk.checkpoint(given);
      throw new Error("the connection was closed");
    });
    expect(outcome).toEqual({ kind: "done" });
    expect(await read(run.id)).toMatchObject({ ...given, errorCode: null, failures: 0, leaseOwner: null });
  });

  test("a step that succeeds clears its count", async () => {
    const run = await newRun();
    await failAt(run, "fetch", new TransientError("connect_failed", "no connection")).catch(() => undefined);
    await waitOut(run.id);
    await work(run, (desk) => desk.step("fetch", async () => MOVED));
    expect(await read(run.id)).toMatchObject({ failures: 0 });
  });

  test("an earlier step that succeeds anew does not clear the count of a later one", async () => {
    const run = await newRun();
    for (let burnt = 1; burnt < MAX_ATTEMPTS; burnt++) {
      await waitOut(run.id);
      const job = work(run, async (desk) => {
        await desk.step("workflow", async () => undefined);
        return desk.step("collect", async () => {
          throw new TransientError("connect_failed", "no connection");
        });
      });
      await expect(job).rejects.toMatchObject({ code: "connect_failed" });
      expect(await read(run.id)).toMatchObject({ failures: burnt });
    }
    await failAt(run, "collect", new TransientError("connect_failed", "no connection"));
    expect(await read(run.id)).toMatchObject({ status: "failed", errorStep: "collect", errorCode: "connect_failed" });
  });

  test("after the last attempt the run has failed, and a person is told what to do", async () => {
    const run = await newRun({ failures: MAX_ATTEMPTS - 1 });
    const outcome = await failAt(run, "share", new TransientError("connect_failed", "no connection"));
    expect(outcome).toEqual({ kind: "done" });
    const row = await read(run.id);
    expect(row).toMatchObject({ status: "failed", queue: null, errorCode: "connect_failed", errorStep: "share" });
    expect(row.nextAction).toMatch(/replay/);
    expect(row.finishedAtMs).not.toBeNull();
  });

  test("a busy upstream: waits as asked, burns no attempt, leaves no error", async () => {
    const run = await newRun({ failures: 3 });
    const beforeMs = Date.now();
    const busy = new TransientError("rate_limited", "429", { failure: "throttled", retryAfterMs: 7_000 });
    const outcome = await failAt(run, "workflow", busy);
    expect(outcome).toEqual({ kind: "later", atMs: expect.any(Number) });
    const row = await read(run.id);
    expect(row).toMatchObject({ failures: 3, errorCode: null, queue: "runs", leaseOwner: null });
    expect(row.notBeforeMs).toBeGreaterThanOrEqual(beforeMs + 7_000);
    expect(await listAttempts(ledger.db, run.id)).toMatchObject([{ step: "workflow", outcome: "later" }]);
  });

  test("a permanent failure: step, cause and next action", async () => {
    const run = await newRun();
    const refused = new PermanentError("dify_file_refused", "Dify answered 415", { nextAction: "check the limits" });
    expect(await failAt(run, "fetch", refused)).toEqual({ kind: "done" });
    expect(await read(run.id)).toMatchObject({
      status: "failed",
      queue: null,
      errorCode: "dify_file_refused",
      errorMessage: "Dify answered 415",
      errorStep: "fetch",
      nextAction: "check the limits",
      finishedAtMs: expect.any(Number),
      leaseOwner: null,
    });
  });

  test("a node that is gone: the run is cancelled", async () => {
    const run = await newRun();
    expect(await failAt(run, "fetch", new PermanentError("not_found", "not found", { failure: "gone" }))).toEqual({
      kind: "done",
    });
    expect(await read(run.id)).toMatchObject({ status: "cancelled", queue: null, errorStep: "fetch" });
  });

  test("a long message of several lines is cut to its beginning", async () => {
    const run = await newRun();
    await failAt(run, "fetch", new PermanentError("dify_run_failed", `${"x".repeat(600)}\nsecond line`));
    expect((await read(run.id)).errorMessage).toBe("x".repeat(500));
  });
});

describe("what no run of a rule can get past pauses the rule", () => {
  test("the rule says why, the run is held, and resuming lets it go on", async () => {
    const name = `rule-${randomUUID()}`;
    const run = await newRun({}, name);
    const unpublished = new PermanentError("dify_unpublished", "not published", {
      failure: "misconfigured",
      nextAction: "publish it",
    });
    expect(await failAt(run, "workflow", unpublished)).toEqual({ kind: "done" });
    expect(await read(run.id)).toMatchObject({
      status: "held",
      queue: null,
      failures: 0,
      errorCode: "dify_unpublished",
    });
    expect(await findRuleState(ledger.db, name)).toMatchObject({
      state: "paused",
      reason: "not published",
      nextAction: "publish it",
      changedBy: "relay",
    });

    const change = changeRuleState({ db: ledger.db, clock: systemClock, ruleNames: () => [name] });
    expect(await change(name, "resume", { actor: "operator" })).toMatchObject({ kind: "changed", released: 1 });
    const freed = await read(run.id);
    expect(freed).toMatchObject({ status: "queued", queue: "runs", queuedAtMs: null, errorCode: null });
    expect(freed.generation).toBe(run.generation + 1);
    expect(await work(freed, async () => MOVED)).toEqual({ kind: "done" });
  });

  test("a run whose outputs are collected goes on where it was: in the queue for shares", async () => {
    const name = `rule-${randomUUID()}`;
    const run = await newRun({ queue: "shares", status: "delivering", collectedAtMs: 1 }, name);
    await failAt(run, "share", new PermanentError("plan_required", "402", { failure: "misconfigured" }));
    expect(await read(run.id)).toMatchObject({ status: "held", queue: null });
    await changeRuleState({ db: ledger.db, clock: systemClock, ruleNames: () => [name] })(name, "resume", {
      actor: "operator",
    });
    expect(await read(run.id)).toMatchObject({ queue: "shares" });
  });
});

test("each try at each step is recorded with its time, outcome and cause", async () => {
  const run = await newRun();
  await work(run, (desk) => desk.step("fetch", async () => MOVED));
  await failAt(run, "workflow", new TransientError("timed_out", "too slow")).catch(() => undefined);
  await failAt(run, "workflow", new TypeError("a fault")).catch(() => undefined);
  const attempts = await listAttempts(ledger.db, run.id);
  expect(attempts).toMatchObject([
    { step: "fetch", outcome: "done", failure: null, errorCode: null },
    { step: "workflow", outcome: "failed", failure: "transient", errorCode: "timed_out", errorMessage: "too slow" },
    { step: "workflow", outcome: "failed", failure: "fault", errorCode: null, errorMessage: "a fault" },
  ]);
  for (const { startedAtMs, finishedAtMs } of attempts) expect(finishedAtMs).toBeGreaterThanOrEqual(startedAtMs);
});

describe("a run that somebody asks to cancel", () => {
  const why = { actor: "anna", reason: null };
  const askFor = (id: string) => askToCancel(ledger.db, id, why, Date.now());
  const started = () => newRun({ submittedAtMs: 1, workflowRunId: "w" });

  test("is interrupted at its next checkpoint, which is written, and cancelled by the same worker", async () => {
    const run = await started();
    const outcome = await work(run, (desk) =>
      desk.step("workflow", async () => {
        await askFor(run.id);
        await desk.checkpoint({ taskId: "learned" });
        throw new Error("must not go on");
      }),
    );
    expect(outcome).toEqual({ kind: "done" });
    const row = await read(run.id);
    expect(row).toMatchObject({ status: "cancelled", queue: null, taskId: "learned", leaseOwner: null, failures: 0 });
    expect(row.errorMessage).toBe("cancelled by an operator: nothing was there");
    expect(await listAttempts(ledger.db, run.id)).toMatchObject([{ step: "cancel", outcome: "done" }]);
  });

  test("is interrupted in the middle of its work by the renewal of its lease", async () => {
    const run = await started();
    await work(run, async (desk) => {
      await askFor(run.id);
      await new Promise((resolve) => desk.signal.addEventListener("abort", resolve, { once: true }));
      desk.signal.throwIfAborted();
      return MOVED;
    });
    expect(await read(run.id)).toMatchObject({ status: "cancelled" });
  });

  test("keeps what was noted before the wish came, and what was used counts", async () => {
    const run = await started();
    const usage = { workflowRunId: "w", tokens: 7, elapsedMs: 5, cost: undefined };
    await work(run, async (desk) => {
      desk.note({ usageRunId: "w", totalTokens: 7 }, { kind: "used", day: "2026-11-24", usage });
      await askFor(run.id);
      await new Promise((resolve) => desk.signal.addEventListener("abort", resolve, { once: true }));
      return desk.step("collect", async () => MOVED);
    });
    expect(await read(run.id)).toMatchObject({ status: "cancelled", usageRunId: "w", totalTokens: 7 });
    const days = await ledger.db.select().from(ruleDays).where(eq(ruleDays.ruleName, run.ruleName));
    expect(days).toMatchObject([{ day: "2026-11-24", tokens: 7 }]);
  });

  test("is not worked on at all by whoever takes it next", async () => {
    const run = await newRun({ submittedAtMs: 1, cancelAskedAtMs: 1, cancelReason: "why" });
    await work(run, async () => {
      throw new Error("must not be asked");
    });
    expect((await read(run.id)).errorMessage).toContain("(why)");
  });

  test.each<{ readonly what: string; readonly end: () => RunProgress }>([
    { what: "to be looked at much later", end: () => ({ kind: "postpone", delayMs: 600_000 }) },
    { what: "to wait for its app", end: () => ({ kind: "wait_for_app", app: "app" }) },
    {
      what: "to be tried again much later",
      end: () => {
        throw new TransientError("timed_out", "no answer", { retryAfterMs: 600_000 });
      },
    },
    {
      what: "to spare a busy upstream",
      end: () => {
        throw new TransientError("rate_limited", "no", { failure: "throttled", retryAfterMs: 600_000 });
      },
    },
  ])("does not sleep when the wish comes in the moment in which it is given back $what", async ({ end }) => {
    const run = await started();
    const outcome = await work(run, async () => {
      await askFor(run.id);
      return end();
    });
    expect(outcome.kind).toBe("later");
    expect((outcome as { atMs: number }).atMs).toBeLessThanOrEqual(Date.now());
    expect(await read(run.id)).toMatchObject({ notBeforeMs: 0, waitingApp: null, queue: "runs" });
    expect(await work(run, async () => MOVED)).toEqual({ kind: "done" });
    expect(await read(run.id)).toMatchObject({ status: "cancelled" });
  });

  test("and ends in that moment stays as it ended, and says that the wish came too late", async () => {
    const run = await started();
    await work(run, async (desk) => {
      await askFor(run.id);
      await desk.checkpoint({ status: "delivered", queue: null, finishedAtMs: Date.now() });
      return MOVED;
    });
    const row = await read(run.id);
    expect(row.status).toBe("delivered");
    expect(row.warning).toContain("was to be cancelled");
  });

  test("an upstream that is away is tried again; one that refuses is told of", async () => {
    const run = await newRun({ submittedAtMs: 1, cancelAskedAtMs: 1 });
    const signal = new AbortController().signal;
    const failing = (error: unknown) => async (): Promise<CancelProgress> => {
      throw error;
    };
    const nothing = async (): Promise<RunProgress> => MOVED;
    const away = work(run, nothing, signal, failing(new TransientError("timed_out", "no answer")));
    await expect(away).rejects.toMatchObject({ retryAfterMs: 1_000 });
    expect(await read(run.id)).toMatchObject({ status: "queued", queue: "runs", failures: 1 });
    await waitOut(run.id);
    const refuses = new PermanentError("unauthorized", "the key was revoked", { failure: "misconfigured" });
    expect(await work(run, nothing, signal, failing(refuses))).toEqual({ kind: "done" });
    expect(await read(run.id)).toMatchObject({ status: "cancelled" });
    expect((await read(run.id)).errorMessage).toContain("could not be stopped (the key was revoked) and may go on");
  });
});
