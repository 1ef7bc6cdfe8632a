import { untilBeat } from "../beat.ts";
import type { Clock } from "../clock.ts";
import type { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import { readDeliverySigns } from "../ledger/delivery-signs.ts";
import { dropLease, takeLease } from "../ledger/leases.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { forgetFailures } from "../ledger/pull-states.ts";
import { messageOf } from "../message-of.ts";
import { patiently } from "../patiently.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import type { Log } from "../telemetry/log.ts";
import { backoffMs } from "./backoff.ts";
import { checkNowAndThen, REFUSED_SIGNATURES, WAS_READ } from "./check-now-and-then.ts";
import { createLatch, type Latch } from "./latch.ts";
import { noteFailure, noteFailureOfAll } from "./note-failure.ts";
import { ALIVE_MS, BURST_WINDOW_MS, createBurstDetector, graceMs, restMs } from "./pace.ts";
import type { Pulls } from "./pull.ts";
import { watchActivity } from "./watch-activity.ts";
import { findWatched, type WatchedWorkspace } from "./watched-workspaces.ts";

export type KeepUpDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "pollActivity" | "listWorkspaces" | "findWorkspace" | "listShares">;
  readonly rules: () => readonly CompiledRule[];
  /** Calls back when other rules come into force. @returns ends that */
  readonly onRulesChange: (listener: () => void) => () => void;
} & Pulls;

export const CATCH_UP_LEASE = "catch-up";
/** After the death of the process that catches up, another begins within this time. */
const LEASE_MS = 10_000;
const RENEW_MS = 4_000;
/** Pulled at least this often, whatever moves or does not; also how soon it is noticed that a workspace is new in Fast.io. */
const IDLE_MS = 300_000;
/** The same where nobody tells us of movements. */
const UNTOLD_MS = 60_000;
/** Requests held at once; workspaces beyond are pulled by the clock, and along with others of their organisation. */
const MAX_WATCHES = 50;
const SIGNS_EVERY_MS = 30_000;

/**
 * Catches up for as long as the process lives, in one process at a time: whoever holds the lease.
 * @returns stops it and resolves when it has stopped
 */
export function startKeepingUp(deps: KeepUpDeps): () => Promise<void> {
  const stopping = new AbortController();
  const running = keepUp(deps, stopping.signal);
  return async () => {
    stopping.abort(new Error("catch-up stops"));
    await running;
  };
}

async function keepUp(deps: KeepUpDeps, stopped: AbortSignal): Promise<void> {
  const { db, clock, random, log } = deps;
  const owner = deps.newId();
  const take = () =>
    takeLease(db, { name: CATCH_UP_LEASE, owner, untilMs: clock.now() + LEASE_MS }, clock.now()).catch(() => false);
  const newRules = createLatch(clock.sleep);
  const unlisten = deps.onRulesChange(() => newRules.open("rules"));
  stopped.addEventListener("abort", unlisten, { once: true });
  let failures = 0;
  while (!stopped.aborted) {
    if (await take()) {
      const lost = new AbortController();
      const signal = AbortSignal.any([stopped, lost.signal]);
      const renewing = renew(take, clock, lost, signal);
      try {
        await lead(deps, newRules, signal);
        failures = 0;
      } catch (error) {
        if (!signal.aborted) {
          failures += 1;
          log.warn("catch_up.failed", { failures, message: messageOf(error) });
          await noteFailureOfAll(db, deps.rules(), error, clock.now());
          await clock.sleep(backoffMs(failures, error, random), signal).catch(() => undefined);
        }
      } finally {
        lost.abort(new Error("another process catches up"));
        await renewing;
        await dropLease(db, CATCH_UP_LEASE, owner).catch(() => undefined);
      }
    } else await clock.sleep(RENEW_MS, stopped).catch(() => undefined);
  }
}

/** Keeps the lease until the signal aborts; aborts the work when it is lost. */
async function renew(
  take: () => Promise<boolean>,
  clock: Clock,
  lost: AbortController,
  signal: AbortSignal,
): Promise<void> {
  let heldUntilMs = clock.now() + LEASE_MS;
  while (!signal.aborted) {
    await clock.sleep(untilBeat(RENEW_MS), signal).catch(() => undefined);
    if (signal.aborted) return;
    if (await take()) heldUntilMs = clock.now() + LEASE_MS;
    else if (clock.now() >= heldUntilMs - RENEW_MS) lost.abort(new Error("the lease was lost"));
  }
}

/** One term: as long as the set of workspaces stays the same. */
async function lead(deps: KeepUpDeps, newRules: Latch, signal: AbortSignal): Promise<void> {
  const { db, clock, log } = deps;
  const found = await lookForWatched(deps, signal);
  const { watched, unknown } = found;
  await forgetFailures(db, [...watched.map(({ id }) => id), ...unknown.keys()]);
  for (const [name, why] of unknown) await noteFailure(db, [{ id: name, name }], why, clock.now());
  const term = new AbortController();
  const within = AbortSignal.any([signal, term.signal]);
  log.info("catch_up.watching", { workspaces: watched.map(({ id }) => id) });
  const groups = byOrganisation(watched);
  const followed = groups.map((workspaces) => ({
    workspaces,
    toPull: createLatch(clock.sleep),
    toCheck: createLatch(clock.sleep),
  }));
  const latches = followed.flatMap(({ toPull, toCheck }) => [toPull, toCheck]);
  const work = [
    ...followed.map((one) => follow(deps, one, within)),
    ...followed.map((one) => checkNowAndThen(deps, one, within)),
    watchSigns(deps, latches, within),
  ];
  try {
    for (;;) {
      await Promise.race([...work, newRules.pass(IDLE_MS, within)]);
      // The work ends by itself then, and may be the first to.
      signal.throwIfAborted();
      // A search beside the feed may take longer than the time between two looks, and would begin anew in the next term.
      const now = await patiently(() => lookForWatched(deps, signal), { clock, signal });
      if (meaningOf(now) !== meaningOf(found)) return;
    }
  } finally {
    term.abort(new Error("the watched workspaces changed"));
    await Promise.allSettled(work);
  }
}

/** What rules name: the workspaces to watch, and the references that lead to none, with why. */
async function lookForWatched({ fastio, log, rules }: KeepUpDeps, signal: AbortSignal): Promise<Found> {
  const unknown = new Map<string, PermanentError>();
  const onUnknown = (reference: string, why: PermanentError) => unknown.set(reference, why);
  return { watched: await findWatched({ fastio, log, onUnknown }, rules(), signal), unknown };
}

type Found = {
  readonly watched: readonly WatchedWorkspace[];
  readonly unknown: ReadonlyMap<string, PermanentError>;
};

/** The same for the same workspaces, in whatever order and words Fast.io tells of them. */
const meaningOf = ({ watched, unknown }: Found): string =>
  JSON.stringify([
    watched.map((one) => JSON.stringify(one)).toSorted(),
    [...unknown].map(([reference, { code }]) => [reference, code]),
  ]);

/** Workspaces of one organisation, and what lets who pulls them, or checks them, go on. */
type Followed = {
  readonly workspaces: readonly WatchedWorkspace[];
  readonly toPull: Latch;
  readonly toCheck: Latch;
};

/** One changes feed serves an organisation; a workspace whose organisation is unknown stands alone. */
function byOrganisation(watched: readonly WatchedWorkspace[]): readonly (readonly WatchedWorkspace[])[] {
  const groups = new Map<string, WatchedWorkspace[]>();
  for (const workspace of watched) {
    const name = workspace.org ?? `workspace ${workspace.id}`;
    groups.set(name, [...(groups.get(name) ?? []), workspace]);
  }
  return [...groups.values()];
}

/** Pulls one organisation's workspaces whenever something moved in them, and now and then. */
async function follow(
  deps: KeepUpDeps,
  { workspaces, toPull: latch, toCheck }: Followed,
  signal: AbortSignal,
): Promise<void> {
  const { db, clock, random, log, pull } = deps;
  let told = Math.min(workspaces.length, MAX_WATCHES);
  const watches = workspaces.slice(0, MAX_WATCHES).map(async ({ id }) => {
    await watchActivity(deps, id, (why) => latch.open(why), signal);
    told -= 1;
    latch.open("unwatched");
  });
  latch.open("start");
  let failures = 0;
  let wasRead = false;
  try {
    while (!signal.aborted) {
      const reasons = await latch.pass(told < workspaces.length ? UNTOLD_MS : IDLE_MS, signal);
      const startedMs = clock.now();
      try {
        // Movements that come in the meantime are in this pull too; later ones open the latch anew.
        if (reasons.includes("activity")) await clock.sleep(graceMs(await signsOf(db, clock), clock.now()), signal);
        const pullingMs = clock.now();
        const pulled = await pull({ workspaces }, signal);
        failures = 0;
        if (!wasRead) toCheck.open(WAS_READ);
        wasRead = true;
        const fields = { ...pulled, why: reasons, ms: clock.now() - pullingMs };
        if (pulled.fresh > 0) log.info("catch_up.pulled", fields);
        else log.debug("catch_up.pulled", fields);
        await clock.sleep(restMs(clock.now() - pullingMs), signal);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        log.warn("catch_up.pull_failed", { failures, ms: clock.now() - startedMs, message: messageOf(error) });
        await noteFailure(db, workspaces, error, clock.now());
        await clock.sleep(backoffMs(failures, error, random), signal);
        latch.open("failure");
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.allSettled(watches);
  }
}

const signsOf = (db: Db, clock: Clock) => readDeliverySigns(db, clock.now() - ALIVE_MS);

/** A burst of refused signatures means that webhooks tell us nothing, whatever comes in. */
async function watchSigns(
  { db, clock, log }: Pick<KeepUpDeps, "db" | "clock" | "log">,
  latches: readonly Latch[],
  signal: AbortSignal,
): Promise<void> {
  const isBurst = createBurstDetector();
  while (!signal.aborted) {
    await clock.sleep(untilBeat(SIGNS_EVERY_MS), signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const signs = await readDeliverySigns(db, clock.now() - BURST_WINDOW_MS);
      if (!isBurst(signs, clock.now())) continue;
      log.warn("catch_up.signatures_refused", {
        deliveries: signs.badSignatures,
        nextAction:
          "compare FASTIO_WEBHOOK_SECRETS with the secret of the webhook; catch-up finds the events meanwhile",
      });
      for (const latch of latches) latch.open(REFUSED_SIGNATURES);
    } catch (error) {
      log.debug("catch_up.signs_unread", { message: messageOf(error) });
    }
  }
}
