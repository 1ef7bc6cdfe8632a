import { readRows } from "../../src/catch-up/take-in.ts";
import type { Clock } from "../../src/clock.ts";
import { PermanentError, RelayError } from "../../src/errors.ts";
import type { EventQuery, Fastio } from "../../src/fastio/types.ts";
import { isAccess } from "../../src/ledger/access-kinds.ts";
import { type DueReading, listDueReadings, recordReading } from "../../src/ledger/access-reads.ts";
import { recordFor } from "../../src/ledger/accesses.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs } from "../../src/ledger/outputs.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { type NamePeopleDeps, namePeople } from "./name-people.ts";

export type ReadAccessesDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "searchEvents"> & NamePeopleDeps;
};

/** Shares are asked about for so long after something last happened to their run. */
const WATCHED_MS = 30 * 86_400_000;
/** Shares asked about in one go, three times a minute: half of what Fast.io allows of event search; catch-up needs some too. */
const MAX_SHARES = 2;
/** Events may be told late, and times are whole seconds. */
const OVERLAP_MS = 300_000;
const SHORTEST_PAUSE_MS = 20_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
/** A share is asked about again after this part of its age, since most people come soon or not at all. */
const PART_OF_AGE = 1 / 30;

/**
 * Asks Fast.io who opened what, share by share, for those whose turn it is. What webhooks told already is the same line.
 * @returns how many accesses were not known
 */
export async function readAccesses(deps: ReadAccessesDeps, signal: AbortSignal): Promise<number> {
  const { db, clock, log } = deps;
  const due = await listDueReadings(db, clock.now() - WATCHED_MS, clock.now(), MAX_SHARES);
  let fresh = 0;
  for (const reading of due) {
    signal.throwIfAborted();
    fresh += await readOne(deps, reading, signal);
  }
  if (fresh > 0) log.info("accesses.found", { shares: due.length, fresh });
  return fresh;
}

async function readOne(deps: ReadAccessesDeps, { run, readToMs }: DueReading, signal: AbortSignal): Promise<number> {
  const { db, clock, log, fastio } = deps;
  const startedMs = clock.now();
  const since = Math.max(0, (readToMs ?? run.createdAtMs) - OVERLAP_MS);
  let fresh = 0;
  try {
    for (const query of await queriesFor(db, run)) {
      for await (const rows of fastio.searchEvents({ ...query, since }, signal)) {
        for (const event of readRows(rows, "search", deps)) {
          if (!isAccess(event.type)) continue;
          const fact = { ...event, shareId: run.shareId };
          fresh += await recordFor(db, run, event.type, fact, "search", clock.now());
        }
      }
    }
    await namePeople(db, fastio, run, signal);
  } catch (error) {
    if (signal.aborted || concernsAll(error)) throw error;
    // A share that is gone, a search that is closed to this key, an answer nobody can read: the others are asked all the same.
    const isForGood = error instanceof PermanentError;
    const code = error instanceof RelayError ? error.code : undefined;
    log.warn("accesses.not_told", { runId: run.id, shareId: run.shareId, code, message: messageOf(error) });
    const pauseMs = isForGood ? LONGEST_PAUSE_MS : pauseFor(startedMs - (run.finishedAtMs ?? run.createdAtMs));
    await recordReading(db, {
      runId: run.id,
      readToMs: readToMs ?? run.createdAtMs,
      dueAtMs: clock.now() + pauseMs,
    });
    return fresh;
  }
  const pauseMs = fresh > 0 ? SHORTEST_PAUSE_MS : pauseFor(startedMs - (run.finishedAtMs ?? run.createdAtMs));
  await recordReading(db, { runId: run.id, readToMs: startedMs, dueAtMs: startedMs + pauseMs });
  return fresh;
}

/** Whether asking about another share now would end the same way. */
const concernsAll = (error: unknown): boolean =>
  error instanceof RelayError &&
  (error.failure === "throttled" || error.code === "unauthorized" || error.code === "aborted");

/** @param ageMs since the share was delivered */
export const pauseFor = (ageMs: number): number =>
  Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, Math.round(ageMs * PART_OF_AGE)));

/** A file share has no log of its own: what is read through it is told of the file, in its workspace. */
async function queriesFor(db: Db, run: RunRow): Promise<readonly EventQuery[]> {
  if (run.shareId === null) return [];
  if (run.rule.deliver.as !== "file-share") return [{ shareId: run.shareId }];
  const nodes = (await listOutputs(db, run.id)).flatMap(({ nodeId }) => nodeId ?? []);
  return [...nodes, run.shareId].map((objectId) => ({ workspaceId: run.workspaceId, objectId }));
}
