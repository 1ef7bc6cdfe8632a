import type { Clock } from "../src/clock.ts";
import { RelayError, TransientError } from "../src/errors.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { setRuleState } from "../src/ledger/rule-state-queries.ts";
import { checkpointRun, claimRun, type RunChange, recordAttempt, renewLease } from "../src/ledger/run-queries.ts";
import type { RunQueue, RunRow, RunStep } from "../src/ledger/schema.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { JobOutcome } from "./backend.ts";
import { decideFailure } from "./failure-policy.ts";

/** How long a worker may be silent before another takes its run over. */
export const LEASE_MS = 5_000;
const RENEW_MS = 1_000;
/** How long before its end a lease that was not renewed is given up: nobody else can have it yet. */
const MARGIN_MS = 500;

/** After this long the sweep brings a run back that waits for an app and was not called: a net below the net. */
const UNCALLED_MS = 600_000;

export type RunDeskDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
};

/** One worker's hold on one run. */
export type RunDesk = {
  /** As the last checkpoint left it. */
  readonly run: RunRow;
  /** Ends at shutdown and when the lease is lost. */
  readonly signal: AbortSignal;
  /** Writes down what was learned before anything else happens. @throws {TransientError} `lease_lost` */
  checkpoint(change: RunChange): Promise<void>;
  /** One attempt at one step, timed and recorded. */
  step<T>(name: RunStep, attempt: () => Promise<T>): Promise<T>;
};

/** What a processor did: the run moved on, or it must be looked at again after a while (no attempt is burnt). */
export type RunProgress =
  | { readonly kind: "moved" }
  | { readonly kind: "postpone"; readonly delayMs: number }
  /** It waits in the ledger for a slot of this app, outside of the queue, until it is called. */
  | { readonly kind: "wait_for_app"; readonly app: string };

/**
 * Works on a run under a lease in the ledger. The queue may hand the same run to two workers
 * (a stalled lock, a second hand-over by the sweep); the lease lets one of them write.
 */
export async function workOnRun(
  deps: RunDeskDeps,
  job: { readonly runId: string; readonly queue: RunQueue },
  signal: AbortSignal,
  work: (desk: RunDesk) => Promise<RunProgress>,
): Promise<JobOutcome> {
  const { db, clock } = deps;
  const owner = deps.newId();
  const claim = await claimRun(db, job.runId, job.queue, {
    owner,
    nowMs: clock.now(),
    untilMs: clock.now() + LEASE_MS,
  });
  if (claim.kind === "finished") return { kind: "done" };
  if (claim.kind === "held") return { kind: "later", atMs: Math.max(claim.untilMs, clock.now()) + 100 };

  const lease = new AbortController();
  const stopRenewing = keepLease(deps, job.runId, owner, lease);
  const desk = openDesk(deps, claim.run, owner, AbortSignal.any([signal, lease.signal]));
  try {
    const progress = await work(desk.face);
    switch (progress.kind) {
      case "moved":
        await desk.leave({});
        return { kind: "done" };
      case "postpone": {
        const atMs = clock.now() + progress.delayMs;
        await desk.leave({ notBeforeMs: atMs });
        return { kind: "later", atMs };
      }
      case "wait_for_app":
        await desk.leave({
          status: "queued",
          waitingApp: progress.app,
          progress: "waits for its turn in Dify",
          queuedAtMs: clock.now(),
          notBeforeMs: clock.now() + UNCALLED_MS,
        });
        return { kind: "done" };
      default:
        return progress satisfies never;
    }
  } catch (error) {
    return await settleFailure(deps, desk, error, signal, lease.signal);
  } finally {
    stopRenewing();
  }
}

/**
 * Renews the lease until stopped; aborts the work when it is lost, or when it is about to end because the ledger
 * does not answer. Counted from before a renewal was asked for, so that a slow answer does not lengthen the lease.
 */
function keepLease({ db, clock, log }: RunDeskDeps, runId: string, owner: string, lease: AbortController): () => void {
  let securedMs = clock.now();
  let asking = false;
  const renew = async (): Promise<void> => {
    if (clock.now() - securedMs > LEASE_MS - MARGIN_MS) {
      lease.abort(new TransientError("lease_lost", "the lease ran out while the ledger did not answer"));
    }
    if (asking) return;
    asking = true;
    const askedMs = clock.now();
    try {
      const kept = await renewLease(db, runId, owner, askedMs + LEASE_MS);
      if (kept) securedMs = askedMs;
      else lease.abort(new TransientError("lease_lost", "another worker has this run"));
    } catch (error) {
      // As long as the lease stands nobody else can have taken the run.
      log.warn("lease.not_renewed", { runId, message: messageOf(error) });
    } finally {
      asking = false;
    }
  };
  const timer = setInterval(() => void renew(), RENEW_MS);
  return () => clearInterval(timer);
}

type OpenDesk = {
  readonly face: RunDesk;
  /** The step that was under way when the work ended. */
  readonly failedStep: () => RunStep | undefined;
  /** Writes a last change and gives the lease back. */
  leave(change: RunChange): Promise<void>;
};

function openDesk(deps: RunDeskDeps, first: RunRow, owner: string, signal: AbortSignal): OpenDesk {
  const { db, clock, log } = deps;
  let run = first;
  let failedStep: RunStep | undefined;
  const write = async (change: RunChange, release: boolean): Promise<void> => {
    const written = await checkpointRun(db, run.id, owner, change, clock.now(), { release });
    if (!written) throw new TransientError("lease_lost", "another worker has this run");
    run = written;
  };
  const face: RunDesk = {
    get run() {
      return run;
    },
    signal,
    checkpoint: async (change) => {
      signal.throwIfAborted();
      await write(change, false);
    },
    step: async (name, attempt) => {
      const startedAtMs = clock.now();
      const record = (outcome: "done" | "later" | "failed", error?: unknown): Promise<void> =>
        recordAttempt(db, {
          runId: run.id,
          step: name,
          worker: owner,
          startedAtMs,
          finishedAtMs: clock.now(),
          outcome,
          failure: error instanceof RelayError ? error.failure : error === undefined ? null : "fault",
          errorCode: error instanceof RelayError ? error.code : null,
          errorMessage: error === undefined ? null : messageOf(error),
        });
      try {
        signal.throwIfAborted();
        const result = await attempt();
        const outcome = isPutOff(result) ? "later" : "done";
        await record(outcome);
        // Steps before the failing one are gone through again at each attempt; their success proves nothing.
        if (run.failures > 0 && run.errorStep === name) await write({ failures: 0 }, false);
        log.info("run.attempted", { runId: run.id, step: name, outcome, workMs: clock.now() - startedAtMs });
        return result;
      } catch (error) {
        failedStep = name;
        // Being told to stop is not a failure of the step.
        if (!signal.aborted) {
          // To find the upstream busy is no failure either.
          const outcome = error instanceof RelayError && error.failure === "throttled" ? "later" : "failed";
          await record(outcome, error);
          log.warn("run.attempted", {
            runId: run.id,
            step: name,
            outcome,
            code: error instanceof RelayError ? error.code : "fault",
            message: messageOf(error),
            workMs: clock.now() - startedAtMs,
          });
        }
        throw error;
      }
    },
  };
  return { face, failedStep: () => failedStep, leave: (change) => write(change, true) };
}

async function settleFailure(
  deps: RunDeskDeps,
  desk: OpenDesk,
  error: unknown,
  jobSignal: AbortSignal,
  leaseSignal: AbortSignal,
): Promise<JobOutcome> {
  const { clock, db, log } = deps;
  const { run } = desk.face;
  if (leaseSignal.aborted || (error instanceof RelayError && error.code === "lease_lost")) {
    return { kind: "later", atMs: clock.now() + LEASE_MS };
  }
  if (jobSignal.aborted) {
    await desk.leave({});
    return { kind: "later", atMs: clock.now() };
  }
  const decision = decideFailure(error, run.failures, deps.random);
  const fault = {
    errorCode: error instanceof RelayError ? error.code : "fault",
    errorMessage: messageOf(error),
    errorStep: desk.failedStep() ?? null,
    nextAction: error instanceof RelayError ? (error.nextAction ?? null) : null,
  };
  switch (decision.do) {
    case "retry": {
      const atMs = clock.now() + decision.delayMs;
      await desk.leave({ ...fault, failures: run.failures + 1, notBeforeMs: atMs });
      // Thrown, so that the queue counts and shows it; the delay is the one decided here.
      throw new TransientError(error instanceof RelayError ? error.code : "upstream_unavailable", fault.errorMessage, {
        cause: error,
        retryAfterMs: decision.delayMs,
      });
    }
    case "wait": {
      const atMs = clock.now() + decision.delayMs;
      await desk.leave({ notBeforeMs: atMs });
      return { kind: "later", atMs };
    }
    case "pause_rule": {
      await setRuleState(db, {
        ruleName: run.ruleName,
        state: "paused",
        reason: fault.errorMessage,
        nextAction: fault.nextAction,
        changedBy: "relay",
        sinceMs: clock.now(),
      });
      await desk.leave({ ...fault, status: "held", queue: null });
      log.error("rule.paused", { ruleName: run.ruleName, code: fault.errorCode, message: fault.errorMessage });
      return { kind: "done" };
    }
    case "cancel":
    case "fail": {
      const status = decision.do === "fail" ? "failed" : "cancelled";
      const isGivenUp = decision.do === "fail" && !(error instanceof RelayError && !error.retryable);
      const nextAction = fault.nextAction ?? (isGivenUp ? "see what is wrong there, then replay the run" : null);
      await desk.leave({ ...fault, nextAction, status, queue: null, finishedAtMs: clock.now() });
      log.error("run.ended", { runId: run.id, status, code: fault.errorCode, message: fault.errorMessage });
      return { kind: "done" };
    }
    default:
      return decision satisfies never;
  }
}

/** Whether a step ended with the wish to be asked again later. */
function isPutOff(result: unknown): boolean {
  return typeof result === "object" && result !== null && "kind" in result && result.kind === "postpone";
}
