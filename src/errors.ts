/** What a failure means for the work at hand; each upstream has one table that decides. */
export type FailureClass = "transient" | "throttled" | "misconfigured" | "permanent" | "gone";

/** Stable names of everything that can go wrong: logged, stored, asserted in tests. Never reworded. */
export type FailureCode =
  // start-up
  | "config_invalid"
  | "usage_invalid"
  | "rules_invalid"
  | "address_unusable"
  | "ledger_locked"
  | "ledger_unavailable"
  | "queue_unavailable"
  // transport
  | "connect_failed"
  | "connection_lost"
  | "timed_out"
  | "aborted"
  | "host_refused"
  | "too_large"
  | "too_many_redirects"
  // answers of an upstream
  | "answer_malformed"
  | "unauthorized"
  | "forbidden"
  | "plan_required"
  | "not_found"
  | "conflict"
  | "invalid_request"
  | "rate_limited"
  | "upstream_unavailable"
  | "unsupported_here"
  // Fast.io
  | "upload_failed"
  | "size_unknown"
  | "hash_mismatch"
  | "download_changed"
  | "question_unanswered"
  // Dify
  | "dify_overloaded"
  | "dify_quota"
  | "dify_unpublished"
  | "dify_not_workflow"
  | "dify_input_invalid"
  | "dify_file_refused"
  | "dify_link_refused"
  | "dify_run_failed"
  | "dify_run_stopped"
  | "dify_run_lost"
  | "dify_version_refused"
  | "dify_run_paused"
  | "stream_truncated"
  | "event_too_large"
  | "output_expired"
  | "output_missing"
  // tools
  | "operation_not_allowed"
  | "confirmation_missing"
  | "call_under_way"
  | "request_id_reused"
  // the relay itself
  | "job_malformed"
  | "lease_lost"
  | "run_timed_out"
  | "run_cancelled"
  | "rule_missing"
  | "budget_reached"
  | "flood_held"
  | "superseded"
  | "attempts_exhausted";

export type FailureDetail = ErrorOptions & {
  /** HTTP status of the upstream, if it answered. */
  readonly status?: number | undefined;
  /** The operation that failed, e.g. `fastio.share.create`. */
  readonly operation?: string | undefined;
  /** What the upstream calls this request, for its support. */
  readonly requestId?: string | undefined;
  /** The code the upstream gave, e.g. `1605` or `invalid_param`. For messages only. */
  readonly upstreamCode?: string | undefined;
  /** What a person should do next, in words. */
  readonly nextAction?: string | undefined;
};

/**
 * A failure with a stable code. Holds ids, status and words of our own;
 * never a request, a header, a payload or a URL with a signature.
 */
export abstract class RelayError extends Error {
  abstract readonly retryable: boolean;
  abstract readonly failure: FailureClass;
  readonly code: FailureCode;
  readonly status: number | undefined;
  readonly operation: string | undefined;
  readonly requestId: string | undefined;
  readonly upstreamCode: string | undefined;
  readonly nextAction: string | undefined;

  constructor(code: FailureCode, message: string, detail: FailureDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = detail.status;
    this.operation = detail.operation;
    this.requestId = detail.requestId;
    this.upstreamCode = detail.upstreamCode;
    this.nextAction = detail.nextAction;
  }
}

/** The same input can never succeed as things stand: stop and keep the evidence. */
export class PermanentError extends RelayError {
  override readonly retryable = false;
  override readonly failure: "permanent" | "misconfigured" | "gone";

  constructor(
    code: FailureCode,
    message: string,
    detail: FailureDetail & { readonly failure?: "permanent" | "misconfigured" | "gone" } = {},
  ) {
    super(code, message, detail);
    this.failure = detail.failure ?? "permanent";
  }
}

/** The world may change: try again, at the time the upstream asked for if it did. */
export class TransientError extends RelayError {
  override readonly retryable = true;
  override readonly failure: "transient" | "throttled";
  /** Milliseconds the upstream asked us to wait; undefined when it named none. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: FailureCode,
    message: string,
    detail: FailureDetail & {
      readonly failure?: "transient" | "throttled";
      readonly retryAfterMs?: number | undefined;
    } = {},
  ) {
    super(code, message, detail);
    this.failure = detail.failure ?? "transient";
    this.retryAfterMs = detail.retryAfterMs;
  }
}
