import { type RelayError, TransientError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import type { AcceptedBatch } from "./accept-deliveries.ts";
import type { Intake } from "./intake.ts";
import type { DeliveryVerdict } from "./schema.ts";
import { areTablesGone, TABLES_GONE_REMEDY } from "./tables-gone.ts";

/** Commits one intake. @throws {TransientError} `ledger_unavailable` when the ledger cannot commit */
export type Accept = (intake: Intake) => Promise<DeliveryVerdict>;

export type AcceptDeps = {
  /** Writes all of a batch, or nothing; see `acceptDeliveries`. */
  readonly write: (batch: readonly Intake[]) => Promise<AcceptedBatch>;
  readonly log: Log;
  /** Told of new events after the commit; must not throw and is not waited for. */
  readonly onCommitted: (committed: Omit<AcceptedBatch, "verdicts">) => void;
  /** Commits that may be under way at once when each takes long; by default 1. */
  readonly commitsAtOnce?: number;
  /** Milliseconds of a clock that is never set. */
  readonly nowMs?: () => number;
  /** Longest anybody waits for a commit, in milliseconds; by default 10 s. */
  readonly commitTimeoutMs?: number;
};

/**
 * A few large commits compute less than many small ones: what comes meanwhile goes with the next. Only one that takes
 * long, on a server far away or a connection that hangs, does not keep the next one waiting. An embedded database has
 * one connection.
 */
export const COMMITS_AT_ONCE = { pglite: 1, postgres: 3 } as const;
/** After so many milliseconds a commit no longer keeps the next one waiting. */
const SLOW_COMMIT_MS = 50;
/** A ledger that hangs (a lock, a network that swallows packets) must not hold the senders for ever. */
const COMMIT_TIMEOUT_MS = 10_000;
/** Longest a lone request waits for company, in milliseconds. */
const GATHER_MS = 2;
/** A ledger that fails fails each commit, hundreds a second: they are told of together. */
const TELL_EVERY_MS = 5_000;
/** Requests in one transaction; more than this wait for the next. */
const MAX_BATCH = 500;
/** Events in one transaction, unless a single request brings more. */
const MAX_BATCH_EVENTS = 5_000;
/** What they may weigh together, unless a single one weighs more: about what is held as text, twice, while it is written. */
const MAX_BATCH_CHARS = 8_388_608;
/** Requests that may wait for a commit at once; beyond it the answer is 503, so that memory stays bounded. */
const MAX_WAITING = 20_000;

type Waiting = {
  readonly intake: Intake;
  readonly resolve: (verdict: DeliveryVerdict) => void;
  readonly reject: (error: RelayError) => void;
};

/**
 * Group commit: requests that arrive together, or while a commit is under way, share one transaction.
 * Webhooks and the pull feed both end here.
 */
export function createAccept({
  write,
  log,
  onCommitted,
  commitsAtOnce = 1,
  nowMs = () => performance.now(),
  commitTimeoutMs = COMMIT_TIMEOUT_MS,
}: AcceptDeps): Accept {
  const tell = createTellFailures(log, nowMs);
  const waiting: Waiting[] = [];
  let underWay = 0;
  /** Those of them that have not taken long yet. */
  let quick = 0;
  let isGathering = false;

  const begin = (): void => {
    if (waiting.length === 0 || isGathering || quick > 0 || underWay >= commitsAtOnce) return;
    isGathering = true;
    setTimeout(() => void flush(), GATHER_MS);
  };
  const flush = async (): Promise<void> => {
    isGathering = false;
    underWay += 1;
    while (waiting.length > 0) await commitWatched(waiting.splice(0, batchSize(waiting)));
    underWay -= 1;
  };
  const commitWatched = async (batch: readonly Waiting[]): Promise<void> => {
    let isQuick = true;
    quick += 1;
    const slowsDown = (): void => {
      isQuick = false;
      quick -= 1;
      begin();
    };
    const timer = setTimeout(slowsDown, SLOW_COMMIT_MS);
    await commit(batch);
    clearTimeout(timer);
    if (isQuick) quick -= 1;
  };

  /** Tells the queue also when the commit comes after all, and its senders were told to come again. */
  const writeAndTell = async (batch: readonly Waiting[]): Promise<readonly DeliveryVerdict[]> => {
    const { verdicts, ...committed } = await write(batch.map(({ intake }) => intake));
    if (committed.newEvents.length + committed.passedOver.length > 0) onCommitted(committed);
    return verdicts;
  };

  const commit = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const verdicts = await inTime(writeAndTell(batch), commitTimeoutMs);
      tell.committed();
      for (const [index, { resolve }] of batch.entries()) resolve(verdicts[index] ?? "ignored");
    } catch (error) {
      if (batch.length > 1 && isDataError(error)) {
        // One intake the database will not take must not cost the others their place.
        for (const one of batch) await commit([one]);
        return;
      }
      tell.failed(batch.length, error);
      const failure = new TransientError("ledger_unavailable", "the ledger could not commit", { cause: error });
      for (const { reject } of batch) reject(failure);
    }
  };

  return (intake) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= MAX_WAITING) {
        reject(new TransientError("ledger_unavailable", "too many deliveries wait for the ledger"));
        return;
      }
      waiting.push({ intake, resolve, reject });
      begin();
    });
}

/** The first failure at once, the next ones together every few seconds, and the end of them. */
function createTellFailures(log: Log, nowMs: () => number) {
  let untold = 0;
  let toldAtMs: number | undefined;
  return {
    failed: (intakes: number, error: unknown): void => {
      untold += intakes;
      if (toldAtMs !== undefined && nowMs() - toldAtMs < TELL_EVERY_MS) return;
      const remedy = areTablesGone(error) ? { nextAction: TABLES_GONE_REMEDY } : {};
      log.error("ledger.commit_failed", { intakes: untold, message: messageOf(error), ...remedy });
      untold = 0;
      toldAtMs = nowMs();
    },
    committed: (): void => {
      if (toldAtMs === undefined) return;
      log.info("ledger.commits_again", { untold });
      untold = 0;
      toldAtMs = undefined;
    },
  };
}

/** Gives up waiting, not the work. */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TransientError("timed_out", `no commit within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How many of those who wait fit into one transaction; at least one. */
function batchSize(waiting: readonly Waiting[]): number {
  let events = 0;
  let chars = 0;
  for (const [index, { intake }] of waiting.entries()) {
    if (intake.kind !== "refusal") {
      events += intake.events.length;
      for (const { event } of intake.events) chars += event.raw.length;
    }
    if (index >= MAX_BATCH || (index > 0 && (events > MAX_BATCH_EVENTS || chars > MAX_BATCH_CHARS))) return index;
  }
  return waiting.length;
}

/** SQLSTATE class 22: the data is at fault, not the database. */
export function isDataError(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" && cause.code.startsWith("22");
}
