import { type RelayError, TransientError } from "../errors.ts";
import type { Log } from "../telemetry/log.ts";
import { acceptDeliveries, type Intake } from "./accept-deliveries.ts";
import type { Db } from "./open-ledger.ts";
import type { DeliveryVerdict } from "./schema.ts";

/** Commits one intake. @throws {TransientError} `ledger_unavailable` when the ledger cannot commit */
export type Accept = (intake: Intake) => Promise<DeliveryVerdict>;

export type AcceptDeps = {
  readonly db: Db;
  readonly log: Log;
  /** Told of new events after the commit; must not throw and is not waited for. */
  readonly onCommitted: (newKeys: readonly string[]) => void;
};

/** Longest a lone request waits for company, in milliseconds. */
const GATHER_MS = 2;
/** Requests in one transaction; more than this wait for the next. */
const MAX_BATCH = 500;
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
export function createAccept({ db, log, onCommitted }: AcceptDeps): Accept {
  let waiting: Waiting[] = [];
  let busy = false;

  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      await commit(batch);
    }
    busy = false;
  };

  const commit = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const { verdicts, newKeys } = await acceptDeliveries(
        db,
        batch.map(({ intake }) => intake),
      );
      for (const [index, { resolve }] of batch.entries()) resolve(verdicts[index] ?? "ignored");
      if (newKeys.length > 0) onCommitted(newKeys);
    } catch (error) {
      if (batch.length > 1 && isDataError(error)) {
        // One intake the database will not take must not cost the others their place.
        for (const one of batch) await commit([one]);
        return;
      }
      log.error("ledger.commit_failed", { intakes: batch.length, message: messageOf(error) });
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
      if (busy) return;
      busy = true;
      setTimeout(() => void flush(), GATHER_MS);
    });
}

/** SQLSTATE class 22: the data is at fault, not the database. */
function isDataError(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" && cause.code.startsWith("22");
}

/** The driver's own words, without the statement and its parameters, which Drizzle puts into its message. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return error.cause instanceof Error ? error.cause.message : (error.message.split("\n", 1)[0] ?? "");
}
