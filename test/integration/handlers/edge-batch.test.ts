import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EdgeDelivery } from "../../../src/edge/wire.ts";
import { signDelivery } from "../../../src/fastio/signatures/sign-delivery.ts";
import { deliveries, events, refusals } from "../../../src/ledger/schema.ts";
import { bodyOf, openReceiver, type Receiver, signed } from "./open-receiver.ts";

const EDGE_SECRET = "a secret shared by edge and relay";
const HOUR_MS = 3_600_000;

let receiver: Receiver;
const db = () => receiver.ledger.db;

beforeAll(async () => {
  receiver = await openReceiver({ EDGE_SECRET });
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute("truncate relay.deliveries, relay.refusals, relay.events");
});

/** A delivery as the edge packs it. */
function packed(body: string | Uint8Array, change: Partial<EdgeDelivery> & { readonly secret?: string } = {}) {
  const { secret, ...rest } = change;
  const receivedAtMs = rest.receivedAtMs ?? Date.now();
  const headers = signed(body, { signedAtMs: receivedAtMs, ...(secret === undefined ? {} : { secret }) });
  return { id: randomUUID(), receivedAtMs, headers, body: Buffer.from(body).toString("base64"), ...rest };
}

type Change = { readonly secret?: string; readonly signedAtMs?: number; readonly type?: string };

/** Sends a batch with a right signature, unless told otherwise. */
function sendBatch(content: unknown, { secret = EDGE_SECRET, signedAtMs = Date.now(), type }: Change = {}) {
  const body = typeof content === "string" ? content : JSON.stringify(content);
  const headers = signDelivery({
    scheme: "standard-webhooks",
    secrets: [secret],
    body: Buffer.from(body),
    nowMs: signedAtMs,
    id: "batch-1",
  });
  return fetch(`${receiver.url}/webhooks/edge`, {
    method: "POST",
    headers: { "content-type": type ?? "application/json", ...headers },
    body,
  });
}

const outcomesOf = async (answer: Response): Promise<readonly unknown[]> => {
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { readonly outcomes: readonly unknown[] }).outcomes;
};

describe("a batch of the edge", () => {
  test("is committed in its order, under the edge's ids, times and route", async () => {
    const receivedAtMs = Date.now() - 30 * HOUR_MS;
    const batch = ["one", "two", "three"].map((id, index) =>
      packed(bodyOf(id), { receivedAtMs: receivedAtMs + index * 1_000 }),
    );
    const outcomes = await outcomesOf(await sendBatch({ deliveries: batch }));
    expect(outcomes).toEqual([{ status: "accepted" }, { status: "accepted" }, { status: "accepted" }]);
    const lines = await db().select().from(deliveries).orderBy(deliveries.receivedAtMs);
    expect(lines.map(({ id, route, receivedAtMs }) => ({ id, route, receivedAtMs }))).toEqual(
      batch.map(({ id, receivedAtMs }) => ({ id, route: "edge", receivedAtMs })),
    );
    expect(lines[0]).toMatchObject({
      verdict: "accepted",
      scheme: "fastio-signature",
      bodyBytes: bodyOf("one").length,
    });
    const told = await db().select().from(events).orderBy(events.receivedAtMs);
    expect(told.map(({ id, source }) => [id, source])).toEqual([
      ["one", "webhook"],
      ["two", "webhook"],
      ["three", "webhook"],
    ]);
  });

  test("sent again brings duplicates, and no second line", async () => {
    const batch = { deliveries: [packed(bodyOf("again-1")), packed(bodyOf("again-2"))] };
    await outcomesOf(await sendBatch(batch));
    expect(await outcomesOf(await sendBatch(batch))).toEqual([{ status: "duplicate" }, { status: "duplicate" }]);
    expect(await db().$count(deliveries)).toBe(2);
    expect(await db().$count(events)).toBe(2);
    expect((await db().select().from(deliveries)).map(({ verdict }) => verdict)).toEqual(["accepted", "accepted"]);
  });

  test("may hold bad ones: the others are taken, and each is told its own", async () => {
    const outcomes = await outcomesOf(
      await sendBatch({
        deliveries: [
          packed(bodyOf("good-1")),
          packed("{ no json"),
          packed(bodyOf("forged"), { secret: "somebody else's secret" }),
          { id: "not an id", receivedAtMs: 1, headers: {}, body: "" },
          "not even an object",
          packed(bodyOf("no base64"), { body: "%%%" }),
          packed(bodyOf("as text/html"), {
            headers: { ...signed(bodyOf("as text/html")), "content-type": "text/html" },
          }),
          packed('{"test":true}'),
          packed(bodyOf("good-2")),
        ],
      }),
    );
    const refused = (reason: string) => ({ status: "refused", reason });
    expect(outcomes).toEqual([
      { status: "accepted" },
      refused("shape"),
      refused("signature"),
      refused("shape"),
      refused("shape"),
      refused("shape"),
      refused("content_type"),
      { status: "ignored" },
      { status: "accepted" },
    ]);
    expect((await db().select().from(events)).map(({ id }) => id).sort()).toEqual(["good-1", "good-2"]);
  });

  test("that was refused for a setting is taken under its id when the setting is right", async () => {
    const unknown = "a secret the relay learns later";
    const delivery = packed(bodyOf("later"), { secret: unknown });
    expect(await outcomesOf(await sendBatch({ deliveries: [delivery] }))).toEqual([
      { status: "refused", reason: "signature" },
    ]);
    const right = { ...delivery, headers: packed(bodyOf("later")).headers };
    expect(await outcomesOf(await sendBatch({ deliveries: [right] }))).toEqual([{ status: "accepted" }]);
    const lines = await db().select().from(deliveries).orderBy(deliveries.verdict);
    expect(lines.map(({ verdict, route }) => [verdict, route])).toEqual([
      ["accepted", "edge"],
      ["refused", "edge"],
    ]);
    expect(lines[0]?.id).toBe(delivery.id);
  });

  test("carries U+0000 and any other text byte by byte", async () => {
    const body = JSON.stringify({
      event: "file.created",
      event_id: "odd",
      workspace_id: "1",
      file_id: "f",
      name: "a\u0000\u{1f600}é",
    });
    expect(await outcomesOf(await sendBatch({ deliveries: [packed(body)] }))).toEqual([{ status: "accepted" }]);
    const broken = Buffer.concat([
      Buffer.from('{"event":"file.created","event_id":"'),
      Buffer.from([0xff, 0xfe, 0x00]),
      Buffer.from('"}'),
    ]);
    // Broken UTF-8 comes through as it was, and is refused for what it is and not for its signature.
    expect(await outcomesOf(await sendBatch({ deliveries: [packed(broken)] }))).toEqual([
      { status: "refused", reason: "shape" },
    ]);
  });

  test("from a clock that is ahead came in now", async () => {
    const delivery = packed(bodyOf("ahead"), { receivedAtMs: Date.now() + 60_000 });
    expect(await outcomesOf(await sendBatch({ deliveries: [delivery] }))).toEqual([{ status: "accepted" }]);
    const [line] = await db().select().from(deliveries);
    expect(line?.receivedAtMs).toBeLessThanOrEqual(Date.now());
  });

  test("with the largest delivery there can be is taken", async () => {
    const body = JSON.stringify({ ...JSON.parse(bodyOf("largest")), note: "x".repeat(1_048_000) });
    expect(await outcomesOf(await sendBatch({ deliveries: [packed(body)] }))).toEqual([{ status: "accepted" }]);
  });
});

describe("nothing is taken", () => {
  test.each<readonly [string, number, unknown, Change]>([
    ["signed with another secret", 401, { deliveries: [] }, { secret: "not the secret of the edge" }],
    [
      "signed with a secret of Fast.io's webhooks",
      401,
      { deliveries: [] },
      { secret: "a secret shared by Fast.io and the relay" },
    ],
    ["signed ten minutes ago", 401, { deliveries: [] }, { signedAtMs: Date.now() - 600_000 }],
    ["signed in ten minutes", 401, { deliveries: [] }, { signedAtMs: Date.now() + 600_000 }],
    ["that is no JSON", 400, "{", {}],
    ["without deliveries", 400, { events: [] }, {}],
    ["of more than a hundred", 400, { deliveries: Array.from({ length: 101 }, () => ({})) }, {}],
    ["of another type", 415, { deliveries: [] }, { type: "text/html" }],
    ["over two megabytes", 413, "x".repeat(2_097_153), {}],
  ])("of a batch %s", async (_what, status, content, change) => {
    const answer = await sendBatch(content, change);
    expect(answer.status).toBe(status);
    expect(await db().$count(events)).toBe(0);
    const [counted] = await db().select().from(refusals);
    expect(counted?.reason).toMatch(/^batch: /);
  });

  test("of a batch that is not signed at all", async () => {
    const answer = await fetch(`${receiver.url}/webhooks/edge`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ deliveries: [packed(bodyOf("unsigned"))] }),
    });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual({ error: "refused" });
    expect(await db().$count(events)).toBe(0);
  });

  test("by GET", async () => {
    const answer = await fetch(`${receiver.url}/webhooks/edge`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST");
  });
});
