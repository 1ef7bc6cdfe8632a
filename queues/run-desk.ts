import { RelayError, TransientError } from "../src/errors.ts";
import type { Surroundings } from "../src/ledger/claim-runs.ts";
import type { RunQueue, RunRow } from "../src/ledger/schema.ts";
import { tellCancelled } from "../src/ledger/tell-cancelled.ts";
import { UNCALLED_MS, WAITS_FOR_TURN } from "../src/ledger/turns.ts";
import { warnEndedRun } from "../src/ledger/warn-ended-run.ts";
import { messageOf } from "../src/message-of.ts";
import { placeInTrace } from "../src/telemetry/trace.ts";
import type { JobOutcome } from "./backend.ts";
import { decideFailure } from "./failure-policy.ts";
import { type KeptLease, keepLease, LEASE_MS } from "./keep-lease.ts";
import { type OpenDesk, openDesk, type RunDesk, type RunDeskDeps } from "./open-desk.ts";
import { isToBeCancelled, settleFailure } from "./settle-failure.ts";

export type { RunDesk, RunDeskDeps };

/** What a processor did: the run moved on, or it must be looked at again after a while (no attempt is burnt). */
export type RunProgress =
  | { readonly kind: "moved" }
  | { readonly kind: "postpone"; readonly delayMs: number }
  /** It waits in the ledger for a slot of this app, outside of the queue, until it is called. @param why in other words */
  | { readonly kind: "wait_for_app"; readonly app: string; readonly why?: string | undefined };

/** What a processor did about a run that is to be cancelled. */
export type CancelProgress =
  /** @param note what is known of the outside, in words that begin a sentence */
  { readonly kind: "cancelled"; readonly note: string } | { readonly kind: "postpone"; readonly delayMs: number };

export type RunWork = {
  /** Brings the run on. @param around as it was when the run was claimed, a moment ago */
  readonly advance: (desk: RunDesk, around: Surroundings) => Promise<RunProgress>;
  /** Stops what is under way outside. At this desk nothing but shutdown and the loss of the lease interrupts. */
  readonly cancel: (desk: RunDesk) => Promise<CancelProgress>;
  /** Whether the wish to cancel may cut a request off, or has to wait for the next step or checkpoint. */
  readonly isInterruptible: boolean;
};

/**
 * Works on a run under a lease in the ledger. The queue may hand the same run to two workers
 * (a stalled lock, a second hand-over by the sweep); the lease lets one of them write.
 */
export async function workOnRun(
  deps: RunDeskDeps,
  job: { readonly runId: string; readonly queue: RunQueue },
  signal: AbortSignal,
  work: RunWork,
): Promise<JobOutcome> {
  const { leases, clock } = deps;
  const owner = deps.newId();
  const nowMs = clock.now();
  const claim = await leases.claim({ id: job.runId, queue: job.queue, owner, nowMs, untilMs: nowMs + LEASE_MS });
  if (claim.kind === "finished") return { kind: "done" };
  if (claim.kind === "held") return { kind: "later", atMs: Math.max(claim.untilMs, clock.now()) + 100 };

  const { run, around } = claim;
  const attributes = {
    "relay.run": run.id,
    "relay.rule": run.ruleName,
    "relay.queue": job.queue,
    "relay.app": run.app,
  };
  const place = placeInTrace(run.traceparent, run.createdAtMs, clock.now());
  return deps.trace.span({ name: "run.work", kind: "consumer", ...place, attributes }, () =>
    workUnderLease(deps, run, { ...job, owner, around }, signal, work),
  );
}

async function workUnderLease(
  deps: RunDeskDeps,
  run: RunRow,
  job: { readonly queue: RunQueue; readonly owner: string; readonly around: Surroundings },
  signal: AbortSignal,
  work: RunWork,
): Promise<JobOutcome> {
  const { owner } = job;
  const lease = keepLease(deps, run.id, owner);
  if (run.cancelAskedAtMs !== null) lease.cancel();
  const interrupts = [signal, lease.lost, ...(work.isInterruptible ? [lease.cancelled] : [])];
  const desk = openDesk(deps, run, owner, AbortSignal.any(interrupts), lease);
  try {
    if (lease.cancelled.aborted) return await carryOut(deps, desk, signal, lease, work);
    try {
      return await leave(deps, desk, await work.advance(desk.face, job.around));
    } catch (error) {
      const outcome = await settleInterruption(deps, desk, error, signal, lease);
      if (outcome) return outcome;
      if (lease.cancelled.aborted) return await carryOut(deps, desk, signal, lease, work);
      return await settleFailure(deps, desk, job.queue, error);
    }
  } finally {
    lease.stop();
    // Whatever came of the run, it came; the ledger may be away.
    await desk
      .tidy()
      .catch((error: unknown) => deps.log.warn("run.not_told", { runId: run.id, message: messageOf(error) }));
  }
}

/** Gives a run back that was worked on. */
async function leave({ db, clock }: RunDeskDeps, desk: OpenDesk, progress: RunProgress): Promise<JobOutcome> {
  switch (progress.kind) {
    case "moved":
      await desk.leave({});
      if (isToBeCancelled(desk) && desk.face.run.finishedAtMs !== null)
        await warnEndedRun(db, desk.face.run.id, "it was to be cancelled, and had ended before that");
      return { kind: "done" };
    case "postpone": {
      const notBeforeMs = clock.now() + progress.delayMs;
      await desk.leave({}, { notBeforeMs, for: "upstream" });
      return { kind: "later", atMs: isToBeCancelled(desk) ? clock.now() : notBeforeMs };
    }
    case "wait_for_app": {
      const words = progress.why ?? WAITS_FOR_TURN;
      const change = { status: "queued", progress: words, queuedAtMs: clock.now() } as const;
      await desk.leave(change, { notBeforeMs: clock.now() + UNCALLED_MS, waitingApp: progress.app, for: "slot" });
      return isToBeCancelled(desk) ? { kind: "later", atMs: clock.now() } : { kind: "done" };
    }
    default:
      return progress satisfies never;
  }
}

/** When not the work failed, but was taken away from this worker. */
async function settleInterruption(
  { clock }: RunDeskDeps,
  desk: OpenDesk,
  error: unknown,
  jobSignal: AbortSignal,
  lease: KeptLease,
): Promise<JobOutcome | undefined> {
  if (lease.lost.aborted || (error instanceof RelayError && error.code === "lease_lost")) {
    return { kind: "later", atMs: clock.now() + LEASE_MS };
  }
  if (!jobSignal.aborted) return undefined;
  await desk.leave({});
  return { kind: "later", atMs: clock.now() };
}

/** Cancels the run, and says what is known. An upstream that is away is tried again; one that refuses is told of. */
async function carryOut(
  deps: RunDeskDeps,
  desk: OpenDesk,
  signal: AbortSignal,
  lease: KeptLease,
  work: RunWork,
): Promise<JobOutcome> {
  const { clock, log } = deps;
  desk.heedNoWish(AbortSignal.any([signal, lease.lost]));
  const end = async (note: string): Promise<JobOutcome> => {
    await desk.leave({
      ...tellCancelled(desk.face.run, note),
      status: "cancelled",
      queue: null,
      waitingApp: null,
      progress: null,
      finishedAtMs: clock.now(),
    });
    log.info("run.cancelled", { runId: desk.face.run.id, note });
    return { kind: "done" };
  };
  try {
    const progress = await desk.face.step("cancel", () => work.cancel(desk.face));
    if (progress.kind === "cancelled") return await end(progress.note);
    const notBeforeMs = clock.now() + progress.delayMs;
    await desk.leave({ notBeforeMs });
    return { kind: "later", atMs: notBeforeMs };
  } catch (error) {
    const outcome = await settleInterruption(deps, desk, error, signal, lease);
    if (outcome) return outcome;
    const decision = decideFailure(error, desk.face.run.failures, deps.random);
    if (decision.do !== "retry" && decision.do !== "wait") {
      return await end(`what was under way could not be stopped (${messageOf(error)}) and may go on`);
    }
    const notBeforeMs = clock.now() + decision.delayMs;
    await desk.leave({ failures: desk.face.run.failures + (decision.do === "retry" ? 1 : 0), notBeforeMs });
    if (decision.do === "wait") return { kind: "later", atMs: notBeforeMs };
    throw new TransientError(error instanceof RelayError ? error.code : "upstream_unavailable", messageOf(error), {
      cause: error,
      retryAfterMs: decision.delayMs,
    });
  }
}
