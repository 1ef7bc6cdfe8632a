import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { PermanentError } from "../../../src/errors.ts";
import { templateOf, withMeasure } from "../../../src/http/measured.ts";
import { TransportError } from "../../../src/http/transport-error.ts";
import type { Send } from "../../../src/http/types.ts";
import type { CallTold } from "../../../src/telemetry/metrics.ts";
import { countInto, newTally } from "../../../src/telemetry/tally.ts";
import { silentTrace } from "../../../src/telemetry/trace.ts";

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
  const measured = withMeasure(send, {
    metrics: { called: (call) => told.push(call) },
    trace: silentTrace,
  });
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
  const measured = withMeasure(fails(new Error("enough")), {
    metrics: { called: (call) => told.push(call) },
    trace: silentTrace,
  });
  await expect(
    measured(
      { operation: "dify.run.read", method: "GET", url: new URL("http://dify/"), repeatable: true },
      stop.signal,
    ),
  ).rejects.toThrow("enough");
  expect(told).toMatchObject([{ outcome: "aborted" }]);
});

test.each([
  ["/current/workspace/3117763504443666597/storage/f3jm5-zqzfx/details/", "/current/workspace/{}/storage/{}/details/"],
  ["/v1/workflows/run/0b1c2d3e-0000", "/v1/workflows/run/{}"],
  ["/files/tools/8d0c.csv?sign=abc&token=secret", "/files/tools/{}"],
  ["/v1/form/human_input/Tk9ab", "/v1/form/human_input/{}"],
])("%s is told as %s: nothing that names or opens something", (path, template) => {
  expect(templateOf(new URL(`https://upstream.example${path}`))).toBe(template);
});
