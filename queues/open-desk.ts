import type { Clock } from "../src/clock.ts";
import { RelayError, TransientError } from "../src/errors.ts";
import { type NewAttempt, recordAttempt } from "../src/ledger/attempts.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { RunLeases } from "../src/ledger/run-leases.ts";
import type { RunRow, RunStep, RunWait } from "../src/ledger/schema.ts";
import type { RunUsage } from "../src/ledger/sum-usage.ts";
import type { CheckpointOptions, RunChange } from "../src/ledger/write-checkpoints.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { Metrics } from "../src/telemetry/metrics.ts";
import { countInto, newTally } from "../src/telemetry/tally.ts";
import type { Trace } from "../src/telemetry/trace.ts";
import { WRONG_BY_MS } from "../src/watch-clock.ts";
import type { KeptLease } from "./keep-lease.ts";
import { type EndedAttempt, failureOf, tellAttempt } from "./tell-attempt.ts";

export type RunDeskDeps = {
  readonly db: Db;
  readonly leases: RunLeases;
  readonly clock: Clock;
  /** By how many milliseconds the clock was put ahead since a moment; one for all runs, or those at rest are forgotten. */
  readonly jumpedSince: (sinceMs: number) => number;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly trace: Trace;
};

/** One worker's hold on one run. */
export type RunDesk = {
  /** As the last checkpoint left it, with what was noted since. */
  readonly run: RunRow;
  /** Ends at shutdown, when the lease is lost, and when somebody asked to cancel the run. */
  readonly signal: AbortSignal;
  /**
   * Writes down what was learned before anything else happens.
   * @throws {TransientError} `lease_lost`; `run_cancelled` after it was written, when somebody asked for that
   */
  checkpoint(change: RunChange): Promise<void>;
  /** The same. @returns whether a newer version of the file has a run by now, see `isOutdated` */
  checkpointAndLook(change: RunChange): Promise<boolean>;
  /**
   * To be written with the next checkpoint, or when the run is given back: for what may be lost without harm.
   * @param usage summed up then
   */
  note(change: RunChange, usage?: RunUsage): void;
  /** Says what is waited for from here until the next step. */
  waits(reason: RunWait): void;
  /** One attempt at one step, timed and recorded. */
  step<T>(name: RunStep, attempt: () => Promise<T>): Promise<T>;
};

export type OpenDesk = {
  readonly face: RunDesk;
  /**
   * For carrying out the wish to cancel, which interrupts nothing from here on. What was noted stays noted.
   * @param signal ends that work
   */
  heedNoWish(signal: AbortSignal): void;
  /** The step that was under way when the work ended. */
  readonly failedStep: () => RunStep | undefined;
  /** Writes a last change and gives the lease back. @param wait what the run waits for, unless it is to be cancelled */
  leave(change: RunChange, wait?: CheckpointOptions["wait"]): Promise<void>;
  /** Writes down the attempts that no checkpoint has taken along, as when the lease was lost. */
  tidy(): Promise<void>;
};

/**
 * @param untilAborted ends the work
 * @param heeded the wish to cancel: heeded at steps and checkpoints, which also learn of it
 */
export function openDesk(
  deps: RunDeskDeps,
  first: RunRow,
  owner: string,
  untilAborted: AbortSignal,
  heeded: Pick<KeptLease, "cancelled" | "cancel">,
): OpenDesk {
  const { db, leases, clock, jumpedSince, metrics, trace } = deps;
  let signal = untilAborted;
  let wish: typeof heeded | undefined = heeded;
  let run = first;
  let failedStep: RunStep | undefined;
  let waitedFor = first.waitsFor;
  /** Since when nothing but our turn was waited for. */
  let readyAtMs = Math.max(first.updatedAtMs, first.notBeforeMs, first.dueAtMs);
  let isOver = first.finishedAtMs !== null;
  let noted: RunChange = {};
  let usages: readonly RunUsage[] = [];
  /** Of steps that are done: the next checkpoint, which is near, takes them along. */
  let attempted: readonly NewAttempt[] = [];
  const note = (change: RunChange): void => {
    noted = { ...noted, ...change };
    run = { ...run, ...change };
  };
  let carriedMs = 0;
  /**
   * What the clock jumps ahead while a workflow is at work, also while nobody looks at it, is no time that the workflow took.
   * One that is put back makes it seem to have taken less, which costs patience at most, also on machines whose clock was
   * not set; but not for ever: one that a clock far ahead asked for is waited for from now on.
   */
  const carryAlong = (): void => {
    const jumpedMs = jumpedSince(first.updatedAtMs);
    const byMs = Math.max(0, jumpedMs - carriedMs);
    carriedMs = jumpedMs;
    if (run.submittedAtMs === null) return;
    const [nowMs, afterMs] = [clock.now(), run.submittedAtMs + byMs];
    const submittedAtMs = afterMs > nowMs + WRONG_BY_MS ? nowMs : afterMs;
    if (submittedAtMs !== run.submittedAtMs) note({ submittedAtMs });
  };
  const write = async (change: RunChange, options: CheckpointOptions): Promise<boolean> => {
    carryAlong();
    const [waiting, ended, used] = [noted, attempted, usages];
    noted = {};
    usages = [];
    attempted = [];
    try {
      const whole = { ...waiting, ...change };
      const { id } = run;
      const written = await leases.checkpoint({
        ...{ id, owner, change: whole, nowMs: clock.now() },
        ...options,
        attempts: ended,
        usages: used,
      });
      if (!written) throw new TransientError("lease_lost", "another worker has this run");
      const { status, finishedAtMs, createdAtMs } = written.run;
      if (!isOver && finishedAtMs !== null) metrics.runEnded(run.ruleName, status, finishedAtMs - createdAtMs);
      isOver = finishedAtMs !== null;
      run = { ...run, ...whole, ...written.run };
      return written.isOutdated === true;
    } catch (error) {
      // Lost with the lease they are of no use; while the ledger is away they wait for it.
      if (!(error instanceof TransientError)) {
        noted = { ...waiting, ...noted };
        usages = [...used, ...usages];
        attempted = [...ended, ...attempted];
      }
      throw error;
    }
  };
  const tidy = async (): Promise<void> => {
    const ended = attempted;
    attempted = [];
    for (const attempt of ended) await recordAttempt(db, attempt);
  };
  const checkpoint = async (change: RunChange, options: CheckpointOptions): Promise<boolean> => {
    signal.throwIfAborted();
    const isOutdated = await write(change, options);
    if (run.finishedAtMs !== null) return isOutdated;
    if (run.cancelAskedAtMs !== null) wish?.cancel();
    wish?.cancelled.throwIfAborted();
    return isOutdated;
  };
  const face: RunDesk = {
    get run() {
      // Before it is judged by the clock, however short ago that was set.
      carryAlong();
      return run;
    },
    get signal() {
      return signal;
    },
    checkpoint: async (change) => {
      await checkpoint(change, {});
    },
    checkpointAndLook: (change) => checkpoint(change, { looksForNewer: true }),
    note: (change, usage) => {
      note(change);
      if (usage) usages = [...usages, usage];
    },
    waits: (reason) => {
      waitedFor = reason;
    },
    step: (name, attempt) =>
      trace.span({ name: `run.${name}`, attributes: { "relay.step": name } }, async (span) => {
        const startedAtMs = clock.now();
        const before = waitedFor;
        waitedFor = null;
        const tally = newTally();
        const end = async (outcome: EndedAttempt["outcome"], error?: unknown): Promise<void> => {
          const finishedAtMs = clock.now();
          const attempt: NewAttempt = {
            waitedFor: before,
            runId: run.id,
            step: name,
            worker: owner,
            startedAtMs,
            finishedAtMs,
            outcome,
            failure: failureOf(error) ?? null,
            errorCode: error instanceof RelayError ? error.code : null,
            errorMessage: error === undefined ? null : messageOf(error),
          };
          if (outcome === "done") attempted = [...attempted, attempt];
          else {
            await tidy();
            await recordAttempt(db, attempt);
          }
          const waitMs = Math.max(0, startedAtMs - readyAtMs);
          const workMs = finishedAtMs - startedAtMs;
          span.set({ "relay.outcome": outcome, "relay.wait_ms": waitMs });
          tellAttempt(deps, { run, step: name, worker: owner, outcome, error, waitMs, workMs, tally });
          readyAtMs = finishedAtMs;
        };
        try {
          signal.throwIfAborted();
          wish?.cancelled.throwIfAborted();
          const result = await countInto(tally, attempt);
          await end(isPutOff(result) ? "later" : "done");
          // Steps before the failing one are gone through again at each attempt; their success proves nothing.
          if (run.failures > 0 && run.errorStep === name) await write({ failures: 0 }, {});
          return result;
        } catch (error) {
          failedStep = name;
          // Being told to stop is not a failure of the step, and to find the upstream busy is none either.
          if (!signal.aborted && !wish?.cancelled.aborted)
            await end(error instanceof RelayError && error.failure === "throttled" ? "later" : "failed", error);
          throw error;
        }
      }),
  };
  return {
    face,
    heedNoWish: (until) => {
      signal = until;
      wish = undefined;
    },
    failedStep: () => failedStep,
    leave: async (change, wait) => {
      const waitsFor = waitAfter(change.status ?? run.status, wait);
      await write({ waitsFor, ...change }, { release: true, ...(wait && { wait }) });
    },
    tidy,
  };
}

/** What a run waits for that is given back in this state; null: its turn in the queue, or nothing. */
function waitAfter(status: RunRow["status"], wait: CheckpointOptions["wait"]): RunWait | null {
  if (status === "held") return "hold";
  return status === "paused" ? "person" : (wait?.for ?? null);
}

/** Whether a step ended with the wish to be asked again later, or to ask a person. */
function isPutOff(result: unknown): boolean {
  return (
    typeof result === "object" &&
    result !== null &&
    "kind" in result &&
    (result.kind === "postpone" || result.kind === "parked")
  );
}
