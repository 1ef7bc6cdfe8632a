import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { forwardBatch, HOLD_MS, LONGEST_RETRY_SECONDS, retrySeconds } from "../../../src/edge/forward-batch.ts";
import type { RelayAnswer } from "../../../src/edge/send-to-relay.ts";
import type { EdgeDelivery, EdgeOutcome } from "../../../src/edge/wire.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const AWAY: RelayAnswer = { kind: "away", detail: "status 503" };
const ACCEPTED: EdgeOutcome = { status: "accepted" };

const deliveryAt = (receivedAtMs: number, body = "e30="): EdgeDelivery => ({
  id: randomUUID(),
  receivedAtMs,
  headers: {},
  body,
});

/** A message that remembers what became of it. */
function messageOf(body: unknown, attempts = 1) {
  const endings: string[] = [];
  return {
    body,
    attempts,
    endings,
    ack: () => void endings.push("ack"),
    retry: (options?: { readonly delaySeconds?: number }) =>
      void endings.push(options?.delaySeconds === undefined ? "retry" : `retry in ${options.delaySeconds} s`),
  };
}

type Relay = (deliveries: readonly EdgeDelivery[], call: number) => RelayAnswer;

/** Forwarding to a relay that answers as told, with a clock that moves only while it sleeps. */
function open(relay: Relay, queues: { readonly broken?: boolean } = {}) {
  let nowMs = 0;
  const sent: (readonly EdgeDelivery[])[] = [];
  const slept: number[] = [];
  const buried: unknown[] = [];
  const enqueued: EdgeDelivery[] = [];
  const put =
    <T>(into: T[]) =>
    async (message: T) => {
      if (queues.broken) throw new Error("Storage Limit Exceeded");
      into.push(message);
    };
  const forward = forwardBatch({
    now: () => nowMs,
    sleep: async (ms) => {
      slept.push(ms);
      nowMs += ms;
    },
    send: async (deliveries) => {
      sent.push(deliveries);
      return relay(deliveries, sent.length);
    },
    bury: put(buried),
    enqueue: put(enqueued),
    log: silentLog,
  });
  return { forward, sent, slept, buried, enqueued };
}

const takes: Relay = (deliveries) => ({ kind: "answered", outcomes: deliveries.map(() => ACCEPTED) });
const answers =
  (...outcomes: readonly EdgeOutcome[]): Relay =>
  () => ({ kind: "answered", outcomes });

describe("a relay that is there", () => {
  test("gets a batch in order of arrival, and every message is acknowledged", async () => {
    const { forward, sent } = open(takes);
    const messages = [30, 10, 20].map((ms) => messageOf(deliveryAt(ms)));
    await forward(messages);
    expect(sent.map((part) => part.map(({ receivedAtMs }) => receivedAtMs))).toEqual([[10, 20, 30]]);
    expect(messages.map(({ endings }) => endings)).toEqual([["ack"], ["ack"], ["ack"]]);
  });

  test("decides for each message alone", async () => {
    const endings: readonly (readonly [EdgeOutcome, string])[] = [
      [{ status: "accepted" }, "ack"],
      [{ status: "duplicate" }, "ack"],
      [{ status: "ignored" }, "ack"],
      [{ status: "unavailable" }, "retry in 30 s"],
      [{ status: "refused", reason: "signature" }, "retry in 30 s"],
      [{ status: "refused", reason: "stale" }, "retry in 30 s"],
      [{ status: "refused", reason: "a reason of a later version" }, "retry in 30 s"],
      [{ status: "refused", reason: "shape" }, "ack"],
      [{ status: "refused", reason: "content_type" }, "ack"],
      [{ status: "refused", reason: "too_large" }, "ack"],
    ];
    const { forward, buried, slept } = open(answers(...endings.map(([outcome]) => outcome)));
    const messages = endings.map((_ending, index) => messageOf(deliveryAt(index)));
    await forward(messages);
    expect(messages.map(({ endings: [ending] }) => ending)).toEqual(endings.map(([, ending]) => ending));
    expect(buried).toEqual([
      { ...(messages[7]?.body as EdgeDelivery), refused: "shape" },
      { ...(messages[8]?.body as EdgeDelivery), refused: "content_type" },
      { ...(messages[9]?.body as EdgeDelivery), refused: "too_large" },
    ]);
    expect(slept).toEqual([]);
  });

  test("is sent parts that its proxies let through, one after the other", async () => {
    const { forward, sent } = open(takes);
    const messages = Array.from({ length: 20 }, (_, index) => messageOf(deliveryAt(index, "A".repeat(120_000))));
    await forward(messages);
    expect(sent.flat().map(({ receivedAtMs }) => receivedAtMs)).toEqual(messages.map((_, index) => index));
    expect(sent.map((part) => part.length)).toEqual([7, 7, 6]);
    for (const part of sent) expect(JSON.stringify({ deliveries: part }).length).toBeLessThan(1_000_000);
  });
});

describe("a server in front of the relay that finds a batch too large", () => {
  const asksForLess =
    (limitBytes: number): Relay =>
    (deliveries, call) =>
      JSON.stringify({ deliveries }).length > limitBytes ? { kind: "too_large" } : takes(deliveries, call);

  test("is sent smaller ones, in order and without a wait", async () => {
    const { forward, sent, slept } = open(asksForLess(100_000));
    const messages = Array.from({ length: 100 }, (_, index) => messageOf(deliveryAt(index, "A".repeat(8_000))));
    await forward(messages);
    const taken = sent.filter((part) => JSON.stringify({ deliveries: part }).length <= 100_000);
    expect(taken.flat().map(({ receivedAtMs }) => receivedAtMs)).toEqual(messages.map((_, index) => index));
    expect(sent.length).toBeLessThan(40); // calls out are counted, too
    expect(slept).toEqual([]);
    for (const { endings } of messages) expect(endings).toEqual(["ack"]);
  });

  test("and takes no delivery as large as one of them holds up none of the others", async () => {
    const { forward, slept, buried } = open(asksForLess(50_000));
    const messages = [100, 60_000, 100, 100].map((chars, index) => messageOf(deliveryAt(index, "A".repeat(chars))));
    await forward(messages);
    expect(messages.map(({ endings }) => endings)).toEqual([["ack"], ["retry in 30 s"], ["ack"], ["ack"]]);
    expect([slept, buried]).toEqual([[], []]);
  });
});

describe("what is no delivery", () => {
  test("is buried, and the others go on", async () => {
    const { forward, sent, buried } = open(takes);
    const junk = [messageOf("text"), messageOf({ id: "x" }), messageOf(null)];
    const good = messageOf(deliveryAt(1));
    await forward([...junk, good]);
    expect(buried).toEqual([
      { body: "text", refused: "shape" },
      { id: "x", refused: "shape" },
      { body: null, refused: "shape" },
    ]);
    for (const { endings } of [...junk, good]) expect(endings).toEqual(["ack"]);
    expect(sent).toHaveLength(1);
  });

  test("is kept while it cannot be buried", async () => {
    const { forward } = open(takes, { broken: true });
    const message = messageOf("text", 2);
    await forward([message]);
    expect(message.endings).toEqual(["retry in 60 s"]);
  });

  test("and was buried before stays a dead letter", async () => {
    const { forward, buried } = open(answers({ status: "refused", reason: "shape" }));
    const message = messageOf({ ...deliveryAt(1), refused: "shape" });
    await forward([message]);
    expect(message.endings).toEqual([`retry in ${LONGEST_RETRY_SECONDS} s`]);
    expect(buried).toEqual([]);
  });
});

describe("a relay that is away", () => {
  test("is tried again with growing waits, and then gets the batch in order", async () => {
    const { forward, sent, slept } = open((deliveries, call) => (call < 8 ? AWAY : takes(deliveries, call)));
    const messages = [2, 1].map((ms) => messageOf(deliveryAt(ms)));
    await forward(messages);
    expect(slept).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(sent.at(-1)?.map(({ receivedAtMs }) => receivedAtMs)).toEqual([1, 2]);
    expect(messages.map(({ endings }) => endings)).toEqual([["ack"], ["ack"]]);
  });

  test("gets the rest of a batch of which it took a part before", async () => {
    const { forward, sent } = open((deliveries, call) => (call === 2 ? AWAY : takes(deliveries, call)));
    const messages = Array.from({ length: 10 }, (_, index) => messageOf(deliveryAt(index, "A".repeat(120_000))));
    await forward(messages);
    expect(sent.map((part) => part.map(({ receivedAtMs }) => receivedAtMs))).toEqual([
      [0, 1, 2, 3, 4, 5, 6],
      [7, 8, 9],
      [7, 8, 9],
    ]);
    for (const { endings } of messages) expect(endings).toEqual(["ack"]);
  });

  test("for longer than a consumer may run gives the batch back to the queue", async () => {
    const { forward, sent, slept, enqueued } = open(() => AWAY);
    const message = messageOf(deliveryAt(1), 89);
    await forward([message]);
    const waitedMs = slept.reduce((total, ms) => total + ms, 0);
    expect(waitedMs).toBeLessThan(HOLD_MS);
    expect(waitedMs).toBeGreaterThan(HOLD_MS - 60_000);
    expect(sent.length).toBeLessThan(40); // calls out are counted, too
    expect(message.endings).toEqual(["retry"]);
    expect(enqueued).toEqual([]);
  });

  test("for so long that the queue would give up, has the delivery put into it anew", async () => {
    const { forward, enqueued } = open(() => AWAY);
    const message = messageOf(deliveryAt(1), 90);
    await forward([message]);
    expect(enqueued).toEqual([message.body]);
    expect(message.endings).toEqual(["ack"]);
  });

  test("while the queue takes nothing anew, is waited for with the attempts that are left", async () => {
    const { forward } = open(() => AWAY, { broken: true });
    const message = messageOf(deliveryAt(1), 90);
    await forward([message]);
    expect(message.endings).toEqual(["retry"]);
  });
});

test("the wait of a single message doubles up to an hour, and a hundred of them outlast the queue's four days", () => {
  expect([1, 2, 3, 7, 8, 50, 100].map(retrySeconds)).toEqual([30, 60, 120, 1_920, 3_600, 3_600, 3_600]);
  const total = Array.from({ length: 100 }, (_, index) => retrySeconds(index + 1)).reduce((sum, each) => sum + each, 0);
  expect(total).toBeGreaterThan(3.8 * 86_400);
});
