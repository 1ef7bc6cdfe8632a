import { type FailureClass, type FailureCode, PermanentError, type RelayError, TransientError } from "../errors.ts";
import { quoteUpstream } from "./quote-upstream.ts";
import type { DifyRunDetail, DifyRunEvent } from "./types.ts";

/** A refusal by Dify or by a gateway before it. */
export type DifyRefusal = {
  /** Stable dotted name of the call, e.g. `dify.run.start`. */
  readonly operation: string;
  readonly status: number;
  /** `code` of Dify's JSON envelope; undefined when the body was not that envelope. */
  readonly code: string | undefined;
  readonly message: string;
  /** Whether the body was JSON at all: gateways and unknown routes answer HTML. */
  readonly json: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly requestId?: string | undefined;
};

type Verdict = { readonly code: FailureCode; readonly failure: FailureClass; readonly nextAction?: string };
type Rule = Verdict & { readonly when: (refusal: DifyRefusal) => boolean };

/** One message under several statuses and codes: Dify's handler order turns its 429 into `400 invalid_param`. */
const OVERLOAD = /too many requests|maximum concurrent requests/i;

/** Said of a file that is not of the kind it was called; up to 1.14, of all that it knows and that are called `custom`. */
const KIND_FAULT = /Detected file type does not match the specified type/;

/** What Dify says of inputs and input files, as found in its input form and file factory code (1.9 to 1.17). */
const INPUT_FAULTS = [
  /is required in input form/,
  /in input form must be/,
  /^Invalid upload file/,
  KIND_FAULT,
  /File validation failed for file/,
  /transfer_method is required in file mapping/,
  /Number of (image )?files exceeds the maximum limit/,
];

/** What Dify's proxy client says of a link it could not fetch (its `ssrf_proxy`, 1.9 to 1.17). */
const LINK_FAULTS = [
  /^Invalid file url/,
  /Reached maximum retries \(\d+\) for URL/,
  /was blocked by SSRF protection/,
  // Words of its HTTP library, when a node asks for the bytes.
  /(Client|Server) error '\d{3}[^']*' for url/,
];

/** Whether a message of Dify's is about a link that it could not fetch. */
export const isLinkFault = (message: string): boolean => LINK_FAULTS.some((fault) => fault.test(message));

const INPUT_ACTION = "Compare the rule's inputs with the variables of the app's Start node.";
const LINK_ACTION = "Let Dify reach Fast.io, or write send: upload in the rule.";

const KIND_ACTION =
  "Let the app's file variable take the file's kind (documents, images and so on): older versions of Dify take no upload " +
  "for its extension alone. Or write send: url in the rule.";

/** Whether a run was turned away for its inputs before it began; sending it otherwise cannot double it. */
export const wasRefusedForInputs = (error: unknown): boolean =>
  error instanceof PermanentError && (error.code === "dify_input_invalid" || error.code === "dify_link_refused");

/** Whether a message of Dify's is about the inputs it was given. */
const isInputFault = (message: string): boolean => INPUT_FAULTS.some((fault) => fault.test(message));

const isUpload = (refusal: DifyRefusal) => refusal.operation === "dify.file.upload";
const isFollow = (refusal: DifyRefusal) => refusal.operation === "dify.run.follow";
const hasCode =
  (...codes: readonly string[]) =>
  (refusal: DifyRefusal) =>
    refusal.code !== undefined && codes.includes(refusal.code);

/** The one table for Dify. The first line that fits decides. */
const RULES: readonly Rule[] = [
  {
    when: ({ status }) => status === 401,
    code: "unauthorized",
    failure: "misconfigured",
    nextAction: "Check the app's API key; a key made within the last minute may need that minute.",
  },
  {
    when: hasCode("workflow_version_execution_not_allowed"),
    code: "plan_required",
    failure: "misconfigured",
    nextAction: "Pinned workflow versions need a paid Dify plan.",
  },
  // Comes as 403, and says more than that.
  {
    when: hasCode("not_workflow_app", "trigger_workflow_service_mode_unavailable"),
    code: "dify_not_workflow",
    failure: "misconfigured",
    nextAction: "Use the key of a workflow app that begins with a Start node.",
  },
  // Dify itself would speak JSON: a firewall before it takes other files (langgenius/dify#28094).
  {
    when: (refusal) => isUpload(refusal) && refusal.status === 403 && !refusal.json,
    code: "dify_file_refused",
    failure: "permanent",
    nextAction: "Something before Dify refuses this file: look into its firewall, or write send: url in the rule.",
  },
  {
    when: ({ status }) => status === 403,
    code: "forbidden",
    failure: "misconfigured",
    nextAction: "Check in Dify that the app exists and that its API access is enabled.",
  },
  {
    when: hasCode("rate_limit_error", "provider_quota_exceeded"),
    code: "dify_quota",
    failure: "misconfigured",
    nextAction: "The workspace's or the model provider's quota is used up: raise it or wait for its reset.",
  },
  {
    when: ({ status, message }) => (status === 400 || status === 429) && OVERLOAD.test(message),
    code: "dify_overloaded",
    failure: "throttled",
  },
  { when: hasCode("too_many_requests"), code: "dify_overloaded", failure: "throttled" },
  { when: ({ status }) => status === 429, code: "rate_limited", failure: "throttled" },
  {
    when: (refusal) => hasCode("app_unavailable")(refusal) || /workflow not published/i.test(refusal.message),
    code: "dify_unpublished",
    failure: "misconfigured",
    nextAction: "Publish the workflow in Dify.",
  },
  {
    when: hasCode("provider_not_initialize", "model_currently_not_support"),
    code: "invalid_request",
    failure: "misconfigured",
    nextAction: "Set up the model provider in Dify.",
  },
  { when: hasCode("completion_request_error"), code: "dify_run_failed", failure: "permanent" },
  {
    when: (refusal) => isUpload(refusal) && [400, 413, 415].includes(refusal.status),
    code: "dify_file_refused",
    failure: "permanent",
    nextAction: "Check Dify's limits for size and kind of uploads.",
  },
  {
    when: ({ status, message }) => status === 400 && isLinkFault(message),
    code: "dify_link_refused",
    failure: "permanent",
    nextAction: LINK_ACTION,
  },
  {
    when: ({ status, message }) => status === 400 && KIND_FAULT.test(message),
    code: "dify_input_invalid",
    failure: "permanent",
    nextAction: KIND_ACTION,
  },
  {
    when: ({ status, message }) => status === 400 && isInputFault(message),
    code: "dify_input_invalid",
    failure: "permanent",
    nextAction: INPUT_ACTION,
  },
  {
    when: (refusal) => refusal.status === 404 && !refusal.json && isFollow(refusal),
    code: "unsupported_here",
    failure: "permanent",
  },
  {
    when: ({ status, json }) => (status === 404 && !json) || (status >= 300 && status < 400),
    code: "unsupported_here",
    failure: "misconfigured",
    nextAction: "Check the Dify API URL: this route is not there.",
  },
  { when: ({ status }) => status === 404, code: "not_found", failure: "permanent" },
  { when: ({ status }) => status === 413, code: "too_large", failure: "permanent" },
  { when: ({ status }) => status === 408 || status === 425, code: "timed_out", failure: "transient" },
  { when: ({ status }) => status >= 500, code: "upstream_unavailable", failure: "transient" },
  { when: ({ status }) => status >= 400, code: "invalid_request", failure: "permanent" },
  { when: () => true, code: "answer_malformed", failure: "permanent" },
];

/** What a refusal means for the work at hand. */
export function errorOfRefusal(refusal: DifyRefusal): RelayError {
  const verdict = RULES.find((rule) => rule.when(refusal)) ?? { code: "answer_malformed", failure: "permanent" };
  const said = quoteUpstream(refusal.json ? refusal.message : "");
  return toError(verdict, `${refusal.operation}: Dify answered ${refusal.status}${said === "" ? "" : `: ${said}`}`, {
    operation: refusal.operation,
    status: refusal.status,
    upstreamCode: refusal.code,
    requestId: refusal.requestId,
    retryAfterMs: refusal.retryAfterMs,
  });
}

/**
 * What an `error` frame of a run's stream means. It carries no HTTP status of its own (its `status` member is
 * often a bare 500 for a mere input fault), so the words decide and an unknown one is permanent.
 *
 * @param began whether the run was named before: its inputs were taken then, so it is not refused for them
 */
export function errorOfErrorEvent(
  event: Extract<DifyRunEvent, { kind: "error" }>,
  { began }: { readonly began: boolean },
): RelayError {
  const verdict: Verdict = OVERLOAD.test(event.message)
    ? { code: "dify_overloaded", failure: "throttled" }
    : ((began ? undefined : verdictOfInputs(event.message)) ??
      RULES.filter((rule) => rule.failure === "misconfigured").find((rule) =>
        rule.when({ ...event, code: event.code, operation: "dify.run.start", json: true }),
      ) ?? { code: "dify_run_failed", failure: "permanent" });
  return toError(verdict, `the workflow ended with an error: ${quoteUpstream(event.message) || "no reason given"}`, {
    operation: "dify.run.start",
    upstreamCode: event.code,
  });
}

/** What a failure's words say of the inputs; undefined when they do not speak of them. */
function verdictOfInputs(message: string): Verdict | undefined {
  if (isLinkFault(message)) return { code: "dify_link_refused", failure: "permanent", nextAction: LINK_ACTION };
  if (!isInputFault(message)) return undefined;
  const nextAction = KIND_FAULT.test(message) ? KIND_ACTION : INPUT_ACTION;
  return { code: "dify_input_invalid", failure: "permanent", nextAction };
}

/**
 * Why a run's record is not a success; undefined when it is one, be it partial.
 * @param failedNode title of the node that failed, where the stream told it: the record does not
 */
export function errorOfRun(detail: DifyRunDetail, failedNode?: string): RelayError | undefined {
  const said = quoteUpstream(detail.error ?? "") || "no reason given";
  const operation = "dify.run.read";
  switch (detail.status) {
    case "succeeded":
    case "partial-succeeded":
      return undefined;
    case "failed": {
      const where = failedNode === undefined ? "" : ` in "${failedNode}"`;
      const refusal = detail.totalSteps === 0 ? verdictOfInputs(detail.error ?? "") : undefined;
      return refusal
        ? toError(refusal, `Dify refused the inputs: ${said}`, { operation })
        : new PermanentError("dify_run_failed", `the workflow failed${where}: ${said}`, {
            operation,
            nextAction: "Mend the workflow in Dify, publish it, and replay the run.",
          });
    }
    case "stopped":
      return new PermanentError("dify_run_stopped", `the workflow was stopped: ${said}`, {
        operation,
        nextAction: "Somebody stopped it in Dify; replay the run if its result is wanted all the same.",
      });
    case "paused":
      return new PermanentError("dify_run_paused", "the workflow waits for a person", { operation });
    case "running":
      return new TransientError("timed_out", "the workflow has not ended yet", { operation });
  }
}

type ErrorDetail = {
  readonly operation: string;
  readonly status?: number | undefined;
  readonly upstreamCode?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
};

function toError({ code, failure, nextAction }: Verdict, message: string, detail: ErrorDetail): RelayError {
  return failure === "transient" || failure === "throttled"
    ? new TransientError(code, message, { ...detail, failure })
    : new PermanentError(code, message, { ...detail, failure, nextAction });
}
