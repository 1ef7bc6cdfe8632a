import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../../src/clock.ts";
import { PermanentError, TransientError } from "../../../src/errors.ts";
import { withHostGuard } from "../../../src/http/host-guard.ts";
import { withRetry } from "../../../src/http/retry.ts";
import { withTimeouts } from "../../../src/http/timeouts.ts";
import type { OutboundRequest, OutboundResponse, Send } from "../../../src/http/types.ts";

const signal = new AbortController().signal;

const request = (change: Partial<OutboundRequest> = {}): OutboundRequest => ({
  operation: "test.read",
  method: "GET",
  url: new URL("https://api.example/things?secret=1"),
  repeatable: true,
  ...change,
});

const answer = (status: number, headers: Record<string, string> = {}): OutboundResponse => ({
  status,
  headers,
  body: Readable.from(["body"]),
});

/** Sends by a list of endings, and tells how often it was asked. */
function scripted(...endings: readonly (OutboundResponse | Error)[]): { send: Send; calls: () => number } {
  let calls = 0;
  return {
    calls: () => calls,
    send: async () => {
      const ending = endings[Math.min(calls, endings.length - 1)];
      calls += 1;
      if (ending === undefined || ending instanceof Error) throw ending;
      return ending;
    },
  };
}

/** Records its naps instead of taking them. */
function instantClock(): Clock & { naps: number[] } {
  const naps: number[] = [];
  return {
    naps,
    now: () => 0,
    sleep: async (ms, abort) => {
      abort?.throwIfAborted();
      naps.push(ms);
    },
  };
}

describe("withRetry", () => {
  test.each([
    { status: 429, undoneBy429: true, calls: 2 },
    { status: 429, undoneBy429: false, calls: 1 },
    { status: 503, undoneBy429: true, calls: 1 },
  ])("sends what may not be repeated $calls time(s) after $status, undone by it: $undoneBy429", async (given) => {
    const upstream = scripted(answer(given.status), answer(200));
    const once = request({ method: "POST", repeatable: false, undoneBy429: given.undoneBy429 });
    await withRetry(upstream.send, { clock: instantClock(), random: () => 1 })(once, signal);
    expect(upstream.calls()).toBe(given.calls);
  });

  test.each([408, 425, 429, 500, 502, 503, 504])("tries a repeatable request again after %d", async (status) => {
    const upstream = scripted(answer(status), answer(200));
    const clock = instantClock();
    const response = await withRetry(upstream.send, { clock, random: () => 1 })(request(), signal);
    expect(response.status).toBe(200);
    expect(clock.naps).toEqual([200]);
  });

  test.each([200, 301, 400, 401, 404, 409, 501])("hands up %d at once", async (status) => {
    const upstream = scripted(answer(status));
    await withRetry(upstream.send, { clock: instantClock(), random: () => 0 })(request(), signal);
    expect(upstream.calls()).toBe(1);
  });

  test("never sends a request twice that is not repeatable", async () => {
    const upstream = scripted(answer(503), answer(200));
    const send = withRetry(upstream.send, { clock: instantClock(), random: () => 0 });
    expect((await send(request({ repeatable: false }), signal)).status).toBe(503);
    expect(upstream.calls()).toBe(1);
  });

  test("gives up after the schedule and hands up the last answer", async () => {
    const upstream = scripted(answer(503));
    const clock = instantClock();
    const response = await withRetry(upstream.send, { clock, random: () => 0 })(request(), signal);
    expect(response.status).toBe(503);
    expect(clock.naps).toEqual([100, 400]);
    expect(upstream.calls()).toBe(3);
  });

  test("tries again after a transient failure and never after a permanent one", async () => {
    const broken = scripted(new TransientError("connection_lost", "cut"), answer(200));
    const deps = { clock: instantClock(), random: () => 0 };
    expect((await withRetry(broken.send, deps)(request(), signal)).status).toBe(200);
    const refused = scripted(new PermanentError("host_refused", "no"));
    await expect(withRetry(refused.send, deps)(request(), signal)).rejects.toMatchObject({ code: "host_refused" });
    expect(refused.calls()).toBe(1);
  });

  test("waits as long as the upstream asks, when that is short", async () => {
    const clock = instantClock();
    const upstream = scripted(answer(429, { "retry-after": "1" }), answer(200));
    await withRetry(upstream.send, { clock, random: () => 0 })(request(), signal);
    expect(clock.naps).toEqual([1_000]);
  });

  test("leaves a long wait to the caller, unread answer and all", async () => {
    const upstream = scripted(answer(429, { "retry-after": "60" }));
    const clock = instantClock();
    const response = await withRetry(upstream.send, { clock, random: () => 0 })(request(), signal);
    expect(response.status).toBe(429);
    expect(response.body.destroyed).toBe(false);
    expect(upstream.calls()).toBe(1);
    expect(clock.naps).toEqual([]);
  });

  test("gets rid of the answers it does not hand up", async () => {
    const first = answer(503);
    await withRetry(scripted(first, answer(200)).send, { clock: instantClock(), random: () => 0 })(request(), signal);
    expect(first.body.destroyed).toBe(true);
  });

  test("stops waiting when aborted", async () => {
    const abort = new AbortController();
    const upstream: Send = async () => {
      abort.abort(new Error("shutdown"));
      return answer(503);
    };
    const send = withRetry(upstream, { clock: instantClock(), random: () => 0 });
    await expect(send(request(), abort.signal)).rejects.toThrow("shutdown");
  });
});

describe("withHostGuard", () => {
  test("lets configured origins pass", async () => {
    const upstream = scripted(answer(200));
    await withHostGuard(upstream.send, ["https://api.example/v1"])(request(), signal);
    expect(upstream.calls()).toBe(1);
  });

  test.each([
    "http://api.example/",
    "https://api.example:8443/",
    "https://api.example.evil.test/",
    "https://user@evil.test/?https://api.example",
  ])("refuses %s and sends nothing", async (url) => {
    const upstream = scripted(answer(200));
    const sending = withHostGuard(upstream.send, ["https://api.example"])(request({ url: new URL(url) }), signal);
    await expect(sending).rejects.toMatchObject({ code: "host_refused" });
    expect(upstream.calls()).toBe(0);
  });

  test("does not repeat path or query in its error", async () => {
    const url = new URL("https://evil.test/files?token=abc");
    const failure = await withHostGuard(scripted(answer(200)).send, [])(request({ url }), signal).catch(
      (error: unknown) => error,
    );
    expect(String(failure)).not.toContain("abc");
  });
});

test("withTimeouts fills in limits and leaves a request's own alone", async () => {
  let seen: OutboundRequest | undefined;
  const send = withTimeouts(
    async (sent) => {
      seen = sent;
      return answer(200);
    },
    { headersTimeoutMs: 1, bodyTimeoutMs: 2 },
  );
  await send(request({ headersTimeoutMs: 9 }), signal);
  expect(seen).toMatchObject({ headersTimeoutMs: 9, bodyTimeoutMs: 2 });
});
