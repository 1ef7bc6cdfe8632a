import { PermanentError, TransientError } from "../../errors.ts";
import type { Log } from "../../telemetry/log.ts";
import type { UploadLimits } from "../ports/uploads.ts";
import type { Api } from "./api.ts";
import { pickRows } from "./pick.ts";
import { session } from "./routes/uploads.ts";

/** Sessions end as the files in them are placed, which takes moments. */
const WAIT_MS = 5_000;

/** What a failed upload failed of. */
export type ExplainRefusal = (failure: unknown, signal: AbortSignal) => Promise<unknown>;

/**
 * One session too many is refused like what a plan does not allow, with no code of its own, and yet it passes: whether
 * it is that, counting tells. Some may have ended since the refusal, so half of what there may be is enough to wait:
 * a plan that does not allow it refuses again when there are fewer.
 */
export function createExplainRefusal({
  api,
  limits,
  log,
}: {
  readonly api: Api;
  readonly log: Log;
  readonly limits: (signal: AbortSignal) => Promise<UploadLimits>;
}): ExplainRefusal {
  const countAllowed = async (signal: AbortSignal): Promise<number | undefined> => {
    const { sessions: most } = await limits(signal);
    const there = pickRows(await api.call(session.list(), signal), ["sessions", "uploads", "items"]);
    return most !== undefined && there !== undefined && there.length >= most / 2 ? most : undefined;
  };
  return async (failure, signal) => {
    if (!(failure instanceof PermanentError) || failure.code !== "plan_required") return failure;
    const most = await countAllowed(signal).catch(() => undefined);
    if (most === undefined) return failure;
    log.warn("fastio.upload.sessions_taken", { operation: failure.operation, sessions: most });
    const { operation, status, requestId, upstreamCode } = failure;
    return new TransientError(
      "rate_limited",
      `${operation}: the ${most} upload sessions that the account may have are taken`,
      {
        failure: "throttled",
        retryAfterMs: WAIT_MS,
        operation,
        status,
        requestId,
        upstreamCode,
        cause: failure,
        nextAction: "Wait until files are placed, or end the sessions that nobody needs: fastio upload cancel-all.",
      },
    );
  };
}
