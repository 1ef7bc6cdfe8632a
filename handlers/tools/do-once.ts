import type { Clock } from "../../src/clock.ts";
import { TransientError } from "../../src/errors.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { claimToolRequest, type ToolRequestKey, updateToolRequest } from "../../src/ledger/tool-requests.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { ToolRefusal } from "./refuse.ts";
import type { Json, ToolAnswer, ToolCall } from "./tool.ts";

export type DoOnceDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
};

/** How long a worker that is not heard of keeps others from taking over; renewed while it works. */
const LEASE_MS = 20_000;
const RENEW_EVERY_MS = 5_000;
/** A repeat that comes while the first is under way waits so long for its answer. */
const WAIT_MS = 25_000;
const LOOK_EVERY_MS = 250;

type Request = ToolRequestKey & { readonly operation: string; readonly inputHash: string };
type Once = Pick<ToolCall, "startedAtMs" | "isRepeat" | "progress" | "remember">;

/**
 * Carries a request out once, however often it is asked for: a repeat is told the first one's answer, and one that comes
 * while the first is under way waits for it. After a failure or a crash a repeat goes on from what was remembered.
 */
export async function doOnce(
  deps: DoOnceDeps,
  request: Request,
  run: (once: Once) => Promise<ToolAnswer<Json>>,
): Promise<ToolAnswer<Json>> {
  const { db, clock, newId } = deps;
  const owner = newId();
  for (const untilMs = clock.now() + WAIT_MS; ; ) {
    const nowMs = clock.now();
    const claim = await claimToolRequest(db, { ...request, owner, untilMs: nowMs + LEASE_MS }, nowMs);
    switch (claim.kind) {
      case "done":
        return { answer: claim.answer };
      case "other_call":
        throw new ToolRefusal(
          409,
          "request_id_reused",
          "requestId: was used for another call, or with another input",
          "Use an id of its own for each call; repeat one only with the same input.",
        );
      case "mine":
        return work(deps, { ...request, owner }, claim, run);
      case "working":
        if (clock.now() >= untilMs) throw underWay();
        await clock.sleep(LOOK_EVERY_MS);
        break;
      default:
        claim satisfies never;
    }
  }
}

const underWay = (): ToolRefusal =>
  new ToolRefusal(
    409,
    "call_under_way",
    "the first call with this requestId is still under way",
    "Call again with the same requestId in half a minute.",
  );

async function work(
  deps: DoOnceDeps,
  key: ToolRequestKey & { readonly owner: string },
  { startedAtMs, isRepeat, progress }: Pick<Once, "startedAtMs" | "isRepeat" | "progress">,
  run: (once: Once) => Promise<ToolAnswer<Json>>,
): Promise<ToolAnswer<Json>> {
  const { db, clock } = deps;
  const ended = new AbortController();
  const renewing = renew(deps, key, ended.signal);
  try {
    const remember = async (progress: Json): Promise<void> => {
      if (await updateToolRequest(db, key, { progress })) return;
      throw new TransientError("lease_lost", "another try of the same call has taken over");
    };
    const answered = await run({ startedAtMs, isRepeat, progress, remember });
    const { answer, stored = answer } = answered;
    await updateToolRequest(db, key, { state: "done", answer: stored, endedAtMs: clock.now() });
    return answered;
  } catch (error) {
    await updateToolRequest(db, key, { state: "failed", endedAtMs: clock.now() }).catch(() => undefined);
    throw error;
  } finally {
    ended.abort();
    await renewing;
  }
}

async function renew(
  { db, clock, log }: DoOnceDeps,
  key: ToolRequestKey & { readonly owner: string },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(RENEW_EVERY_MS, signal);
      await updateToolRequest(db, key, { untilMs: clock.now() + LEASE_MS });
    } catch (error) {
      if (!signal.aborted) log.warn("tool.lease_not_renewed", { caller: key.caller, message: messageOf(error) });
    }
  }
}
