import { describe, expect, test } from "vitest";
import { decideFailure, MAX_ATTEMPTS } from "../../../queues/failure-policy.ts";
import { PermanentError, TransientError } from "../../../src/errors.ts";

const never = () => 0;
const always = () => 1;

describe("each class of failure has one consequence", () => {
  test.each([
    {
      error: new TransientError("upstream_unavailable", "the server failed"),
      decision: { do: "retry", delayMs: 1_000 },
    },
    {
      error: new TransientError("dify_overloaded", "busy", { failure: "throttled" }),
      decision: { do: "wait", delayMs: 3_000 },
    },
    {
      error: new PermanentError("unauthorized", "the key is wrong", { failure: "misconfigured" }),
      decision: { do: "pause_rule" },
    },
    { error: new PermanentError("not_found", "no such file", { failure: "gone" }), decision: { do: "cancel" } },
    { error: new PermanentError("dify_run_failed", "the workflow failed"), decision: { do: "fail" } },
    { error: new TypeError("a fault of the relay"), decision: { do: "retry", delayMs: 1_000 } },
    { error: "thrown text", decision: { do: "retry", delayMs: 1_000 } },
  ])("$error leads to $decision.do", ({ error, decision }) => {
    expect(decideFailure(error, 0, never)).toEqual(decision);
  });
});

describe("an outage is tried again ever more seldom", () => {
  test.each([
    { failures: 0, delayMs: 1_000 },
    { failures: 1, delayMs: 2_000 },
    { failures: 5, delayMs: 32_000 },
    { failures: 8, delayMs: 256_000 },
    { failures: 9, delayMs: 300_000 },
    { failures: MAX_ATTEMPTS - 2, delayMs: 300_000 },
  ])("after $failures burnt attempts $delayMs ms later", ({ failures, delayMs }) => {
    const outage = new TransientError("connect_failed", "no connection");
    expect(decideFailure(outage, failures, never)).toEqual({ do: "retry", delayMs });
    expect(decideFailure(outage, failures, always)).toEqual({ do: "retry", delayMs: delayMs * 1.25 });
  });

  test("what the upstream asks for is what is waited", () => {
    const asked = new TransientError("upstream_unavailable", "later", { retryAfterMs: 42_000 });
    expect(decideFailure(asked, 3, always)).toEqual({ do: "retry", delayMs: 42_000 });
  });

  test.each([0, 1_000])("and an upstream that always asks for %i ms uses up no attempts by it", (retryAfterMs) => {
    const outage = new TransientError("upstream_unavailable", "later", { retryAfterMs });
    expect(decideFailure(outage, 8, never)).toEqual({ do: "retry", delayMs: 256_000 });
  });

  test.each([
    new TransientError("connect_failed", "no connection"),
    new TransientError("upstream_unavailable", "later", { retryAfterMs: 1 }),
    new Error("a fault of the relay"),
  ])("after the last attempt the relay gives up: $message", (error) => {
    expect(decideFailure(error, MAX_ATTEMPTS - 2, never)).toMatchObject({ do: "retry" });
    expect(decideFailure(error, MAX_ATTEMPTS - 1, never)).toEqual({ do: "fail" });
    expect(decideFailure(error, MAX_ATTEMPTS + 5, never)).toEqual({ do: "fail" });
  });

  test("all attempts together take more than an hour", () => {
    const outage = new TransientError("connect_failed", "no connection");
    let totalMs = 0;
    for (let failures = 0; failures < MAX_ATTEMPTS; failures++) {
      const decision = decideFailure(outage, failures, never);
      if (decision.do === "retry") totalMs += decision.delayMs;
    }
    expect(totalMs).toBeGreaterThan(3_600_000);
  });
});

describe("a busy upstream burns no attempt", () => {
  test.each([0, MAX_ATTEMPTS, 1_000])("after %i failures it is still waited for", (failures) => {
    const busy = new TransientError("rate_limited", "too many requests", { failure: "throttled", retryAfterMs: 8_000 });
    expect(decideFailure(busy, failures, never)).toEqual({ do: "wait", delayMs: 8_000 });
  });

  test("one whose time is over already, as by its own clock, is left alone for a second", () => {
    const busy = new TransientError("rate_limited", "too many requests", { failure: "throttled", retryAfterMs: 0 });
    expect(decideFailure(busy, 0, never)).toEqual({ do: "wait", delayMs: 1_000 });
  });

  test("those who wait do not come back together", () => {
    const busy = new TransientError("rate_limited", "too many requests", { failure: "throttled", retryAfterMs: 8_000 });
    expect(decideFailure(busy, 0, always)).toEqual({ do: "wait", delayMs: 10_000 });
  });
});
