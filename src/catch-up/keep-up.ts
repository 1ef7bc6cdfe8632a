import { untilBeat } from "../beat.ts";
import type { Clock } from "../clock.ts";
import type { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import { readDeliverySigns } from "../ledger/delivery-signs.ts";
import { dropLease, takeLease } from "../ledger/leases.ts";
import { forgetFailures } from "../ledger/pull-states.ts";
import { messageOf } from "../message-of.ts";
import { patiently } from "../patiently.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { backoffMs } from "./backoff.ts";
import { REFUSED_SIGNATURES } from "./check-now-and-then.ts";
import { type FollowDeps, type Following, followOrganisation } from "./follow-organisation.ts";
import { createLatch, type Latch } from "./latch.ts";
import { noteFailure, noteFailureOfAll } from "./note-failure.ts";
import { BURST_WINDOW_MS, createBurstDetector } from "./pace.ts";
import { findWatched, type WatchedWorkspace } from "./watched-workspaces.ts";

export type KeepUpDeps = FollowDeps & {
  readonly newId: () => string;
  readonly fastio: Pick<Fastio, "listWorkspaces" | "findWorkspace" | "listShares">;
  readonly rules: () => readonly CompiledRule[];
  /** Calls back when other rules come into force. @returns ends that */
  readonly onRulesChange: (listener: () => void) => () => void;
};

export const CATCH_UP_LEASE = "catch-up";
/** After the death of the process that catches up, another begins within this time. */
const LEASE_MS = 10_000;
const RENEW_MS = 4_000;
/** How soon it is noticed that a workspace is new in Fast.io. */
const IDLE_MS = 300_000;
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

/** One term of leading: until the lease is lost, or Fast.io is away for long. */
async function lead(deps: KeepUpDeps, newRules: Latch, signal: AbortSignal): Promise<void> {
  const { clock } = deps;
  const groups = new Map<string, Following>();
  const term = new AbortController();
  const within = AbortSignal.any([signal, term.signal]);
  let found = await lookForWatched(deps, signal);
  await watch(deps, groups, found, within);
  const signs = watchSigns(deps, () => groups.values(), within);
  const work = () => [signs, ...[...groups.values()].map(({ done }) => done)];
  try {
    for (;;) {
      await Promise.race([...work(), newRules.pass(IDLE_MS, within)]);
      // The work ends by itself then, and may be the first to.
      signal.throwIfAborted();
      // A search beside the feed may take longer than the time between two looks, and would begin anew in the next term.
      const now = await patiently(() => lookForWatched(deps, signal), { clock, signal });
      if (meaningOf(now) !== meaningOf(found)) await watch(deps, groups, now, within);
      // Again: a pull that was under way may have said otherwise since, of a workspace that is watched no more.
      else await noteUnwatched(deps, now).catch(() => undefined);
      found = now;
    }
  } finally {
    term.abort(new Error("the term is over"));
    await Promise.allSettled(work());
  }
}

/** From now on these are followed, and no others. Organisations that go on end nothing that is under way. */
async function watch(
  deps: KeepUpDeps,
  groups: Map<string, Following>,
  found: Found,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = deps;
  const wanted = byOrganisation(found.watched);
  for (const [name, group] of groups) {
    if (wanted.has(name)) continue;
    groups.delete(name);
    await group.end();
  }
  await patiently(() => noteUnwatched(deps, found), { clock, signal });
  log.info("catch_up.watching", { workspaces: found.watched.map(({ id }) => id) });
  for (const [name, workspaces] of wanted) {
    const group = groups.get(name);
    if (group) group.goOnWith(workspaces);
    else groups.set(name, followOrganisation(deps, workspaces, signal));
  }
}

/** What is not watched fails no more, but for what rules name in vain. */
async function noteUnwatched({ db, clock }: KeepUpDeps, { watched, unknown }: Found): Promise<void> {
  await forgetFailures(db, [...watched.map(({ id }) => id), ...unknown.keys()]);
  for (const [name, why] of unknown) await noteFailure(db, [{ id: name, name }], why, clock.now());
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

/** One changes feed serves an organisation; a workspace whose organisation is unknown stands alone. */
function byOrganisation(watched: readonly WatchedWorkspace[]): ReadonlyMap<string, readonly WatchedWorkspace[]> {
  const groups = new Map<string, WatchedWorkspace[]>();
  for (const workspace of watched) {
    const name = workspace.org ?? `workspace ${workspace.id}`;
    groups.set(name, [...(groups.get(name) ?? []), workspace]);
  }
  return groups;
}

/** A burst of refused signatures means that webhooks tell us nothing, whatever comes in. */
async function watchSigns(
  { db, clock, log }: Pick<KeepUpDeps, "db" | "clock" | "log">,
  groups: () => Iterable<Following>,
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
      for (const group of groups()) group.wake(REFUSED_SIGNATURES);
    } catch (error) {
      log.debug("catch_up.signs_unread", { message: messageOf(error) });
    }
  }
}
