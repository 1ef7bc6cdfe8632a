import type { Clock } from "../../src/clock.ts";
import { RelayError } from "../../src/errors.ts";
import { createRenew } from "../../src/ledger/claim-runs.ts";
import { doTogether } from "../../src/ledger/do-together.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { claimForClosing, listDueClosings, recordClosed, recordNotClosed } from "../../src/ledger/shared-links.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { keepLease, LEASE_MS } from "../keep-lease.ts";
import { type CloseLinkDeps, closeLink } from "./close-link.ts";

export type CloseLinksDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
  readonly fastio: CloseLinkDeps;
};

/** Links closed in one go; the others follow. */
const MAX_LINKS = 50;
/** How long until a link is tried again that could not be closed: when the upstream is away, and when it refuses. */
const RETRY_MS = { away: 15_000, refused: 600_000 } as const;

/**
 * Closes the links whose time has come, each under its run's lease, so that no delivery of the same run is at work on
 * it. What was due while the relay was down is due still.
 * @returns how many were closed
 */
export async function closeLinks(deps: CloseLinksDeps, signal: AbortSignal): Promise<number> {
  let closed = 0;
  for (const id of await listDueClosings(deps.db, deps.clock.now(), MAX_LINKS)) {
    if (signal.aborted) break;
    if (await closeOne(deps, id, signal)) closed += 1;
  }
  return closed;
}

/** @returns whether the link of this run was due and is closed now */
export async function closeOne(deps: CloseLinksDeps, id: string, signal: AbortSignal): Promise<boolean> {
  const { db, clock, newId, log, fastio } = deps;
  const owner = newId();
  const nowMs = clock.now();
  const run = await claimForClosing(db, id, { owner, nowMs, untilMs: nowMs + LEASE_MS });
  if (!run) return false;
  const lease = keepLease({ clock, log, leases: { renew: doTogether(createRenew(db)) } }, id, owner);
  try {
    const how = await closeLink(fastio, run, AbortSignal.any([signal, lease.lost]));
    const isFirst = await recordClosed(db, run, owner, { atMs: clock.now(), how });
    if (isFirst) log.info("share.closed", { runId: id, shareId: run.shareId, how });
    return isFirst;
  } catch (error) {
    const interrupted = signal.aborted || lease.lost.aborted;
    const away = !(error instanceof RelayError) || error.retryable;
    const retryAtMs = interrupted ? 0 : clock.now() + (away ? RETRY_MS.away : RETRY_MS.refused);
    const message = messageOf(error);
    if (!interrupted) log.warn("share.not_closed", { runId: id, shareId: run.shareId, message });
    await recordNotClosed(db, run, owner, { error: interrupted ? null : message, retryAtMs });
    return false;
  } finally {
    lease.stop();
  }
}
