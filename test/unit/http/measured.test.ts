import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { PermanentError } from "../../../src/errors.ts";
import { withMeasure } from "../../../src/http/measured.ts";
import { TransportError } from "../../../src/http/transport-error.ts";
import type { Send } from "../../../src/http/types.ts";
import { type CallTold, silentMetrics } from "../../../src/telemetry/metrics.ts";
import { countInto, newTally } from "../../../src/telemetry/tally.ts";

const answers =
  (status: number): Send =>
  async () => ({ status, headers: {}, body: Readable.from([]) });
const fails =
  (error: Error): Send =>
  async () => {
    throw error;
  };

test.each<readonly [string, Send]>([
  ["ok", answers(200)],
  ["ok", answers(302)],
  ["throttled", answers(429)],
  ["client_error", answers(404)],
  ["server_error", answers(503)],
  ["connect_failed", fails(new TransportError("connect_failed", "no", { sent: false }))],
  ["timed_out", fails(new TransportError("timed_out", "no", { sent: true }))],
  ["connection_lost", fails(new TransportError("connection_lost", "no", { sent: true }))],
  ["refused", fails(new PermanentError("host_refused", "no"))],
])("a call that ends as %s is told so, once, and counts into its attempt", async (outcome, send) => {
  const told: CallTold[] = [];
  const measured = withMeasure(send, { ...silentMetrics, called: (call) => told.push(call) });
  const tally = newTally();
  const request = {
    operation: "dify.run.read",
    method: "GET",
    url: new URL("http://dify/v1/runs/1"),
    repeatable: true,
  } as const;
  await countInto(tally, () => measured(request, new AbortController().signal)).catch(() => undefined);
  expect(told).toMatchObject([{ operation: "dify.run.read", outcome }]);
  expect(told[0]?.ms).toBeGreaterThanOrEqual(0);
  expect(tally.upstreamCalls).toBe(1);
});

test("a call that its caller gave up is told as aborted", async () => {
  const told: CallTold[] = [];
  const stop = new AbortController();
  stop.abort(new Error("enough"));
  const measured = withMeasure(fails(new Error("enough")), { ...silentMetrics, called: (call) => told.push(call) });
  await expect(
    measured(
      { operation: "dify.run.read", method: "GET", url: new URL("http://dify/"), repeatable: true },
      stop.signal,
    ),
  ).rejects.toThrow("enough");
  expect(told).toMatchObject([{ outcome: "aborted" }]);
});
