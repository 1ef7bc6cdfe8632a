import { describe, expect, test } from "vitest";
import { toFailure } from "../../../../src/fastio/client/failures.ts";

const fail = (status: number, code?: string) =>
  toFailure({ operation: "fastio.test", status, problem: { fields: [], ...(code === undefined ? {} : { code }) } });

describe("failures of Fast.io", () => {
  test.each([
    { status: 400, code: "1605", means: "invalid_request", failure: "permanent" },
    { status: 401, code: "10011", means: "unauthorized", failure: "misconfigured" },
    { status: 401, code: "10545", means: "forbidden", failure: "misconfigured" },
    { status: 401, code: "10175", means: "forbidden", failure: "misconfigured" },
    { status: 401, code: "115069", means: "forbidden", failure: "misconfigured" },
    { status: 403, code: "10545", means: "forbidden", failure: "misconfigured" },
    { status: 401, code: "10587", means: "unauthorized", failure: "misconfigured" },
    { status: 403, code: "10587", means: "unauthorized", failure: "misconfigured" },
    { status: 402, code: "1696", means: "plan_required", failure: "misconfigured" },
    { status: 402, code: "274701", means: "plan_required", failure: "misconfigured" },
    { status: 403, code: "274701", means: "plan_required", failure: "misconfigured" },
    { status: 403, code: "1685", means: "plan_required", failure: "misconfigured" },
    { status: 403, code: "10560", means: "forbidden", failure: "misconfigured" },
    { status: 404, code: "1609", means: "not_found", failure: "gone" },
    { status: 404, code: "133123", means: "not_found", failure: "gone" },
    { status: 404, code: "9992", means: "unsupported_here", failure: "permanent" },
    { status: 405, code: "405", means: "unsupported_here", failure: "permanent" },
    { status: 406, code: "10023", means: "invalid_request", failure: "permanent" },
    { status: 406, code: "10522", means: "upload_failed", failure: "transient" },
    { status: 406, code: "10778", means: "hash_mismatch", failure: "permanent" },
    { status: 408, code: undefined, means: "upstream_unavailable", failure: "transient" },
    { status: 409, code: "1660", means: "conflict", failure: "permanent" },
    { status: 413, code: undefined, means: "too_large", failure: "permanent" },
    { status: 418, code: undefined, means: "invalid_request", failure: "permanent" },
    { status: 422, code: undefined, means: "invalid_request", failure: "permanent" },
    { status: 429, code: "1671", means: "rate_limited", failure: "throttled" },
    { status: 500, code: "1605", means: "upstream_unavailable", failure: "transient" },
    { status: 504, code: undefined, means: "upstream_unavailable", failure: "transient" },
    { status: 200, code: "1609", means: "not_found", failure: "gone" },
    { status: 200, code: "1650", means: "unauthorized", failure: "misconfigured" },
    { status: 200, code: "1671", means: "rate_limited", failure: "throttled" },
    { status: 200, code: "555555", means: "invalid_request", failure: "permanent" },
  ])("status $status with code $code means $means", ({ status, code, means, failure }) => {
    expect(fail(status, code)).toMatchObject({ code: means, failure, status, upstreamCode: code });
  });

  test.each([
    { status: 200, means: "answer_malformed", failure: "transient" },
    { status: 401, means: "answer_malformed", failure: "transient" },
    { status: 404, means: "unsupported_here", failure: "permanent" },
    { status: 405, means: "unsupported_here", failure: "permanent" },
    { status: 413, means: "too_large", failure: "permanent" },
    { status: 429, means: "rate_limited", failure: "throttled" },
    { status: 502, means: "upstream_unavailable", failure: "transient" },
  ])("a page of something in between with status $status means $means", ({ status, means, failure }) => {
    const told = toFailure({ operation: "fastio.test", status, problem: undefined });
    expect(told).toMatchObject({ code: means, failure });
  });

  test("an address that was never confirmed is told as that, not as a wrong key", () => {
    expect(fail(403, "10587").nextAction).toMatch(/Confirm the e-mail address/);
  });

  test("what does not pass by itself says what to do", () => {
    for (const status of [400, 401, 402, 403, 404, 405, 406, 409, 410, 412, 413, 418, 422]) {
      for (const problem of [{ fields: [] }, undefined])
        expect(toFailure({ operation: "o", status, problem })).toMatchObject({
          nextAction: expect.stringMatching(/\w/),
        });
    }
  });

  test("what the error body asks to wait wins over the headers", () => {
    const problem = { fields: [], retryAfterMs: 1_800_000 };
    expect(toFailure({ operation: "o", status: 429, problem, retryAfterMs: 5 })).toMatchObject({
      retryAfterMs: 1_800_000,
    });
  });

  test("the message names fields and reason", () => {
    const problem = { fields: ["title", "custom_name"], reason: "invalid", code: "1605" };
    expect(toFailure({ operation: "fastio.share.create", status: 400, problem }).message).toBe(
      "fastio.share.create: the request was refused (status 400, title, custom_name, invalid)",
    );
  });
});
