import { describe, expect, test } from "vitest";
import { type DifyRefusal, errorOfErrorEvent, errorOfRefusal, errorOfRun } from "../../../src/dify/dify-error.ts";
import type { DifyRunDetail } from "../../../src/dify/types.ts";

const OVERLOAD =
  "Too many requests. Please try again later. The current maximum concurrent requests allowed for app-1 is 3.";

const refusal = (part: Partial<DifyRefusal>): DifyRefusal => ({
  operation: "dify.run.start",
  status: 400,
  code: "invalid_param",
  message: "",
  json: true,
  ...part,
});
const html = { json: false, code: undefined };

describe("the table of refusals", () => {
  test.each<[string, Partial<DifyRefusal>, string, string]>([
    ["a wrong key", { status: 401, code: "unauthorized" }, "unauthorized", "misconfigured"],
    ["a disabled API", { status: 403, code: "forbidden" }, "forbidden", "misconfigured"],
    [
      "a plan without pinned versions",
      { status: 403, code: "workflow_version_execution_not_allowed" },
      "plan_required",
      "misconfigured",
    ],
    ["overload told as 400", { message: OVERLOAD }, "dify_overloaded", "throttled"],
    [
      "overload told as 429",
      { status: 429, code: "too_many_requests", message: OVERLOAD },
      "dify_overloaded",
      "throttled",
    ],
    ["a used-up quota", { status: 429, code: "rate_limit_error", message: "quota" }, "dify_quota", "misconfigured"],
    ["a used-up provider", { code: "provider_quota_exceeded" }, "dify_quota", "misconfigured"],
    ["a gateway's rate limit", { status: 429, ...html }, "rate_limited", "throttled"],
    ["an app of another mode", { code: "not_workflow_app" }, "dify_not_workflow", "misconfigured"],
    [
      "a workflow that begins with a trigger",
      { status: 403, code: "trigger_workflow_service_mode_unavailable" },
      "dify_not_workflow",
      "misconfigured",
    ],
    ["an unpublished workflow", { message: "Workflow not published" }, "dify_unpublished", "misconfigured"],
    [
      "nothing to read inputs of",
      { operation: "dify.app.inputs", code: "app_unavailable" },
      "dify_unpublished",
      "misconfigured",
    ],
    ["a missing input", { message: "topic is required in input form" }, "dify_input_invalid", "permanent"],
    ["a list for one file", { message: "doc in input form must be a file" }, "dify_input_invalid", "permanent"],
    ["another user's upload", { message: "Invalid upload file" }, "dify_input_invalid", "permanent"],
    [
      "a wrong type",
      { message: "Detected file type does not match the specified type. Please verify the file." },
      "dify_input_invalid",
      "permanent",
    ],
    ["a fault of ours", { message: "Arg user must be provided." }, "invalid_request", "permanent"],
    [
      "a link its proxy blocks",
      { message: "Access to 'https://f.example/?token=t' was blocked by SSRF protection. The URL may" },
      "dify_link_refused",
      "permanent",
    ],
    ["too large an upload", { operation: "dify.file.upload", status: 413 }, "dify_file_refused", "permanent"],
    [
      "too large an upload for nginx",
      { operation: "dify.file.upload", status: 413, ...html },
      "dify_file_refused",
      "permanent",
    ],
    [
      "a file that a firewall stops on its way",
      { operation: "dify.file.upload", status: 403, ...html },
      "dify_file_refused",
      "permanent",
    ],
    [
      "an upload with an app's API switched off",
      { operation: "dify.file.upload", status: 403 },
      "forbidden",
      "misconfigured",
    ],
    ["an upload without type", { operation: "dify.file.upload", status: 415 }, "dify_file_refused", "permanent"],
    [
      "a forbidden extension",
      { operation: "dify.file.upload", message: "File extension '.exe' is not allowed for security reasons" },
      "dify_file_refused",
      "permanent",
    ],
    [
      "no such run",
      { operation: "dify.run.follow", status: 404, code: "not_found", message: "Workflow run not found" },
      "not_found",
      "permanent",
    ],
    ["no such endpoint", { operation: "dify.run.follow", status: 404, ...html }, "unsupported_here", "permanent"],
    ["a wrong address", { status: 404, ...html }, "unsupported_here", "misconfigured"],
    ["a redirect", { status: 301, ...html }, "unsupported_here", "misconfigured"],
    ["Dify's own failure", { status: 500, code: "internal_server_error" }, "upstream_unavailable", "transient"],
    ["a gateway without backend", { status: 502, ...html }, "upstream_unavailable", "transient"],
    ["a gateway out of patience", { status: 504, ...html }, "upstream_unavailable", "transient"],
    ["Cloudflare out of patience", { status: 524, ...html }, "upstream_unavailable", "transient"],
    ["a request time-out", { status: 408, ...html }, "timed_out", "transient"],
    ["a model provider that is not set up", { code: "provider_not_initialize" }, "invalid_request", "misconfigured"],
    ["a model that cannot be used", { code: "model_currently_not_support" }, "invalid_request", "misconfigured"],
    ["a model that refused", { code: "completion_request_error" }, "dify_run_failed", "permanent"],
    [
      "an app that is gone",
      { status: 403, code: "forbidden", message: "The app no longer exists." },
      "forbidden",
      "misconfigured",
    ],
    ["broken JSON of ours", { code: "bad_request" }, "invalid_request", "permanent"],
    ["a body that is no JSON", { status: 415, code: "unsupported_media_type" }, "invalid_request", "permanent"],
    [
      "a version that is no id",
      { code: "bad_request", message: "Invalid workflow_id format: 'x'. " },
      "invalid_request",
      "permanent",
    ],
    [
      "a version that is not there",
      { status: 404, code: "not_found", message: "Workflow not found with id: x" },
      "not_found",
      "permanent",
    ],
    [
      "a run that is not there",
      { operation: "dify.run.read", status: 404, code: "not_found" },
      "not_found",
      "permanent",
    ],
    [
      "an id that is none",
      { operation: "dify.run.read", status: 500, code: "unknown" },
      "upstream_unavailable",
      "transient",
    ],
    [
      "an upload without a file",
      { operation: "dify.file.upload", code: "no_file_uploaded" },
      "dify_file_refused",
      "permanent",
    ],
    [
      "two files in one upload",
      { operation: "dify.file.upload", code: "too_many_files" },
      "dify_file_refused",
      "permanent",
    ],
    [
      "a form that is not there",
      { operation: "dify.form.read", status: 404, code: "not_found" },
      "not_found",
      "permanent",
    ],
    [
      "a form that was answered",
      { operation: "dify.form.submit", status: 412, code: "human_input_form_submitted" },
      "invalid_request",
      "permanent",
    ],
    [
      "a form that has expired",
      { operation: "dify.form.read", status: 412, code: "human_input_form_expired" },
      "invalid_request",
      "permanent",
    ],
    [
      "an answer that does not fit",
      { operation: "dify.form.submit", code: "invalid_form_data" },
      "invalid_request",
      "permanent",
    ],
    ["a gateway that is overloaded", { status: 503, ...html }, "upstream_unavailable", "transient"],
  ])("%s", (_, part, code, failure) => {
    const error = errorOfRefusal(refusal(part));
    expect({ code: error.code, failure: error.failure }).toEqual({ code, failure });
    expect(error.retryable).toBe(failure === "transient" || failure === "throttled");
  });

  test("the upstream's wish for a wait is kept", () => {
    const error = errorOfRefusal(refusal({ status: 429, ...html, retryAfterMs: 7_000 }));
    expect(error).toMatchObject({ retryAfterMs: 7_000 });
  });

  test("quotes neither values nor signatures of a long refusal", () => {
    const message = `1 validation error\ninputs\n  Field required [type=missing, input_value={'secret': 's3cret'}]`;
    expect(errorOfRefusal(refusal({ message })).message).not.toContain("s3cret");
    const link = "Invalid file url https://h.example/files/x.pdf?sign=abc";
    expect(errorOfRefusal(refusal({ message: link })).message).toContain("https://h.example/files/x.pdf");
    expect(errorOfRefusal(refusal({ message: link })).message).not.toContain("abc");
  });
});

describe("error frames", () => {
  const event = (message: string, code?: string, status = 500) =>
    ({ kind: "error", status, message, ...(code === undefined ? {} : { code }) }) as const;
  test.each([
    { frame: event("topic is required in input form"), code: "dify_input_invalid", failure: "permanent" },
    { frame: event("Invalid file url"), code: "dify_link_refused", failure: "permanent" },
    {
      frame: event("Reached maximum retries (3) for URL https://f.example/read/?token=t"),
      code: "dify_link_refused",
      failure: "permanent",
    },
    { frame: event(OVERLOAD), code: "dify_overloaded", failure: "throttled" },
    { frame: event("Workflow not published"), code: "dify_unpublished", failure: "misconfigured" },
    { frame: event("quota", "provider_quota_exceeded", 400), code: "dify_quota", failure: "misconfigured" },
    {
      frame: event("Internal Server Error, please contact support.", "internal_server_error"),
      code: "dify_run_failed",
      failure: "permanent",
    },
    { frame: event(""), code: "dify_run_failed", failure: "permanent" },
  ])("$frame.message → $code", ({ frame, code, failure }) => {
    expect(errorOfErrorEvent(frame, { began: false })).toMatchObject({ code, failure });
  });

  test("of a run that has begun do not speak of what it was given", () => {
    for (const message of ["topic is required in input form", "Invalid file url"])
      expect(errorOfErrorEvent(event(message), { began: true })).toMatchObject({ code: "dify_run_failed" });
  });
});

describe("records", () => {
  const record = (part: Partial<DifyRunDetail>): DifyRunDetail => ({
    id: "r",
    status: "failed",
    outputs: {},
    totalTokens: 0,
    totalSteps: 3,
    elapsedMs: 1,
    createdAtMs: 1,
    ...part,
  });
  test.each([
    { part: { status: "succeeded" }, code: undefined },
    { part: { status: "partial-succeeded" }, code: undefined },
    { part: { error: "boom" }, code: "dify_run_failed" },
    { part: { error: "topic is required in input form", totalSteps: 0 }, code: "dify_input_invalid" },
    { part: { error: "Invalid file url", totalSteps: 0 }, code: "dify_link_refused" },
    { part: { error: "Reached maximum retries (3) for URL https://f.example" }, code: "dify_run_failed" },
    { part: { status: "stopped" }, code: "dify_run_stopped" },
    { part: { status: "paused" }, code: "dify_run_paused" },
    { part: { status: "running" }, code: "timed_out" },
  ] as const)("$part → $code", ({ part, code }) => {
    expect(errorOfRun(record(part))?.code).toBe(code);
  });
});
