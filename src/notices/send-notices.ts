import type { Clock } from "../clock.ts";
import { RelayError, TransientError } from "../errors.ts";
import { claimNotice, putOffNotices, settleNotice } from "../ledger/notices.ts";
import type { Db } from "../ledger/open-ledger.ts";
import type { NoticeRow } from "../ledger/schema.ts";
import { warnEndedRun } from "../ledger/warn-ended-run.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import type { PostNotice } from "./post-notice.ts";
import { MAX_TRIES, retryDelayMs } from "./retry-plan.ts";

export type SendNoticesDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly post: PostNotice;
};

/** Notices of one turn, one after the other. */
const MOST = 20;
/** Sending one takes 20 s at most, and 10 to connect. */
const LEASE_MS = 30_000;
/** How long a webhook that does not say is left alone. */
const THROTTLED_DELAY_MS = 30_000;
const SHORTEST_DELAY_MS = 1_000;

/** Sends what is due, at least once each. What cannot be sent is told of and holds up nothing. */
export async function sendNotices(deps: SendNoticesDeps, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps;
  for (let sent = 0; sent < MOST && !signal.aborted; sent += 1) {
    const nowMs = clock.now();
    const notice = await claimNotice(db, { nowMs, untilMs: nowMs + LEASE_MS });
    if (!notice) return;
    await sendOne(deps, notice, signal);
  }
}

async function sendOne(deps: SendNoticesDeps, notice: NoticeRow, signal: AbortSignal): Promise<void> {
  const { db, clock, log, post } = deps;
  const { key, variable, runId } = notice;
  try {
    await post(variable, notice.text, signal);
    await settleNotice(db, key, { state: "sent", sentAtMs: clock.now(), error: null });
    log.info("notice.sent", { key, variable, runId });
  } catch (error) {
    if (signal.aborted) return settleNotice(db, key, {});
    const wishMs = error instanceof TransientError ? error.retryAfterMs : undefined;
    if (error instanceof RelayError && error.failure === "throttled") {
      return putOffNotices(db, variable, clock.now() + Math.max(wishMs ?? THROTTLED_DELAY_MS, SHORTEST_DELAY_MS));
    }
    const failures = notice.failures + 1;
    const message = messageOf(error);
    if ((error instanceof RelayError && !error.retryable) || failures >= MAX_TRIES) {
      await settleNotice(db, key, { state: "given_up", failures, error: message });
      if (runId !== null) await warnEndedRun(db, runId, `nobody could be told of the ending: ${message}`);
      log.error("notice.given_up", { key, variable, runId, message });
      return;
    }
    const dueAtMs = clock.now() + Math.max(wishMs ?? 0, retryDelayMs(notice.failures));
    await settleNotice(db, key, { failures, dueAtMs, error: message });
    log.warn("notice.not_sent", { key, variable, runId, message });
  }
}
