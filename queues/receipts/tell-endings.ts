import type { Clock } from "../../src/clock.ts";
import { RelayError, TransientError } from "../../src/errors.ts";
import { listAnswers } from "../../src/ledger/answers.ts";
import { findRun } from "../../src/ledger/find-run.ts";
import { orderNotice } from "../../src/ledger/notices.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs } from "../../src/ledger/outputs.ts";
import { claimReceipt, lockUntoldRuns, markEndTold, orderReceipt, settleReceipt } from "../../src/ledger/receipts.ts";
import type { ReceiptRow, RunRow, RunStatus } from "../../src/ledger/schema.ts";
import { warnEndedRun } from "../../src/ledger/warn-ended-run.ts";
import { messageOf } from "../../src/message-of.ts";
import { MAX_TRIES, retryDelayMs } from "../../src/notices/retry-plan.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { noticeText } from "./ending-text.ts";
import { type WriteReceiptDeps, writeReceipt } from "./write-receipt.ts";

export type TellEndingsDeps = WriteReceiptDeps & { readonly db: Db; readonly clock: Clock; readonly log: Log };

/** Endings that are told of in one transaction, and receipts that are written in one turn. */
const ORDERS_AT_ONCE = 200;
const MOST_RECEIPTS = 20;
/** Writing one takes a few calls of Fast.io. */
const LEASE_MS = 30_000;
/** What ended longer ago is no news, as after the rule was given a receipt. */
const OLD_MS = 86_400_000;
const TOLD: ReadonlySet<RunStatus> = new Set(["delivered", "failed", "cancelled"]);

/**
 * Orders receipts and notices for runs that ended, and writes the receipts that are due. A run is over by then, so
 * nothing of this can fail it; what cannot be told becomes a warning.
 */
export async function tellEndings(deps: TellEndingsDeps, signal: AbortSignal): Promise<void> {
  while ((await orderTellings(deps.db, deps.clock.now())) === ORDERS_AT_ONCE && !signal.aborted);
  await writeReceipts(deps, signal);
}

/** @returns endings it dealt with */
export function orderTellings(db: Db, nowMs: number): Promise<number> {
  return db.transaction(async (tx) => {
    const ended = await lockUntoldRuns(tx, ORDERS_AT_ONCE);
    for (const run of ended) {
      await markEndTold(tx, run);
      if (!isNews(run, nowMs)) continue;
      const { receipt, noticeVariable } = run.rule.deliver;
      if (receipt !== undefined) await orderReceipt(tx, run.id, receipt, nowMs);
      if (noticeVariable !== undefined) {
        const key = `run-ended:${run.id}:${run.finishedAtMs}`;
        await orderNotice(tx, { key, variable: noticeVariable, text: noticeText(run), runId: run.id }, nowMs);
      }
    }
    return ended.length;
  });
}

/** A rule that runs in the shadow shows its results on the run's page and nowhere else. */
const isNews = ({ status, rule, finishedAtMs }: RunRow, nowMs: number): boolean =>
  TOLD.has(status) && rule.shadow !== true && finishedAtMs !== null && finishedAtMs > nowMs - OLD_MS;

async function writeReceipts(deps: TellEndingsDeps, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps;
  for (let written = 0; written < MOST_RECEIPTS && !signal.aborted; written += 1) {
    const nowMs = clock.now();
    const receipt = await claimReceipt(db, { nowMs, untilMs: nowMs + LEASE_MS });
    if (!receipt) return;
    await writeOne(deps, receipt, signal);
  }
}

async function writeOne(deps: TellEndingsDeps, receipt: ReceiptRow, signal: AbortSignal): Promise<void> {
  const { db, clock, log } = deps;
  const { runId } = receipt;
  try {
    const run = await findRun(db, runId);
    // One that was replayed is told of when it ends again.
    if (run && run.finishedAtMs !== null) {
      const [outputs, answers] = await Promise.all([listOutputs(db, runId), listAnswers(db, runId)]);
      await writeReceipt(deps, receipt, { run, outputs, answers }, signal);
    }
    await settleReceipt(db, receipt, { state: "done", error: null, writtenAtMs: clock.now() });
    log.info("receipt.written", { runId, kind: receipt.kind });
  } catch (error) {
    if (signal.aborted) return settleReceipt(db, receipt, {});
    const wishMs = error instanceof TransientError ? error.retryAfterMs : undefined;
    if (error instanceof RelayError && error.failure === "throttled")
      return settleReceipt(db, receipt, { dueAtMs: clock.now() + (wishMs ?? retryDelayMs(0)) });
    const failures = receipt.failures + 1;
    const message = messageOf(error);
    if ((error instanceof RelayError && !error.retryable) || failures >= MAX_TRIES) {
      await settleReceipt(db, receipt, { state: "given_up", failures, error: message });
      const next = error instanceof RelayError && error.nextAction !== undefined ? `. ${error.nextAction}` : "";
      await warnEndedRun(db, runId, `no receipt was left beside the source: ${message}${next}`);
      log.warn("receipt.given_up", { runId, message });
      return;
    }
    await settleReceipt(db, receipt, {
      failures,
      dueAtMs: clock.now() + Math.max(wishMs ?? 0, retryDelayMs(receipt.failures)),
      error: message,
    });
    log.warn("receipt.not_written", { runId, message });
  }
}
