import { once } from "node:events";
import { connect } from "node:net";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createInFlight } from "../../../src/routes/in-flight.ts";
import { mountWebhooks } from "../../../src/routes/webhooks.ts";
import { listen } from "../../../src/server/listen.ts";
import { silentMetrics } from "../../../src/telemetry/metrics.ts";
import { silentTrace } from "../../../src/telemetry/trace.ts";
import { SOON } from "../../support/soon.ts";
import { statusOf } from "../handlers/open-receiver.ts";

const MOST = { requests: 2, bytes: 100 };
/** Requests that are being answered: each is told its end here. */
const answering: (() => void)[] = [];
let server: Awaited<ReturnType<typeof listen>>;

beforeAll(async () => {
  const app = new Hono();
  mountWebhooks(app, {
    metrics: silentMetrics,
    trace: silentTrace,
    pressure: { retryAfterSeconds: () => undefined },
    receive: async () => {
      await new Promise<void>((done) => answering.push(done));
      return { kind: "ignored", deliveryId: "d" };
    },
    receiveEdge: async () => ({ kind: "unavailable" }),
    inFlight: createInFlight(MOST),
  });
  server = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
});
afterAll(() => server.close());

/** Sends the beginning of a delivery. */
async function begin(bytes: number, sent: number) {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let said = "";
  socket.on("data", (chunk) => {
    said += chunk.toString("latin1");
  });
  await once(socket, "connect");
  socket.write(`POST /webhooks/fastio HTTP/1.1\r\nhost: a\r\ncontent-length: ${bytes}\r\n\r\n${"x".repeat(sent)}`);
  return {
    send: (more: number) => socket.write("x".repeat(more)),
    answered: (status: number) => vi.waitFor(() => expect(statusOf(said)).toBe(status), SOON),
    said: () => said,
    hangUp: () => socket.destroy(),
  };
}

const areAnswering = (count: number) => vi.waitFor(() => expect(answering).toHaveLength(count), SOON);
const endAll = (): void => {
  for (const end of answering.splice(0)) end();
};

test("bodies count as they come; who brings more than there is room for is sent away, and the others go on", async () => {
  const large = await begin(90, 60);
  const other = await begin(90, 1);
  const third = await begin(60, 60);
  await third.answered(503);
  expect(third.said()).toMatch(/^Retry-After: 1\r$/im);

  large.send(30);
  await areAnswering(1);
  endAll();
  await large.answered(202);
  other.send(89);
  await areAnswering(1);
  endAll();
  await other.answered(202);
  for (const one of [large, other, third]) one.hangUp();
});

test("what a sender who hangs up had brought makes room", async () => {
  const gone = await begin(100, 99);
  const refused = await begin(10, 10);
  await refused.answered(503);
  gone.hangUp();
  await areAnswering(1); // a body that was cut short is told to the handler, too
  endAll();
  const next = await begin(100, 100);
  await areAnswering(1);
  endAll();
  await next.answered(202);
  for (const one of [refused, next]) one.hangUp();
});

test("so many are answered at a time", async () => {
  const first = await Promise.all([begin(1, 1), begin(1, 1)]);
  await areAnswering(2);
  const third = await begin(1, 1);
  await third.answered(503);
  endAll();
  await Promise.all(first.map((one) => one.answered(202)));
  const fourth = await begin(1, 1);
  await areAnswering(1);
  endAll();
  await fourth.answered(202);
  for (const one of [...first, third, fourth]) one.hangUp();
});
