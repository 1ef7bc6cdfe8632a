import { randomUUID } from "node:crypto";
import { eq, inArray, like, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { EdgeDelivery } from "../../../src/edge/wire.ts";
import { deliveries, events } from "../../../src/ledger/schema.ts";
import { type EdgeWorker, startEdgeWorker } from "../../support/edge-worker.ts";
import { findWorkerd } from "../../support/find-programs.ts";
import { SOON } from "../../support/soon.ts";
import { layLine, type TcpLine } from "../../support/tcp-line.ts";
import { bodyOf, deliver, openReceiver, type Receiver, SECRET, signed } from "../handlers/open-receiver.ts";

const EDGE_SECRET = "a secret shared by edge and relay";
/** The worker looks for a relay that is away every 30 s at least. */
const DRAINED = { timeout: 90_000, interval: 20 };
/** Over a queue's message in base64, and below what a delivery may have. */
const LARGE_CHARS = 200_000;

describe.skipIf(findWorkerd() === undefined)("the edge worker on workerd", () => {
  let relay: Receiver;
  let line: TcpLine;
  let edge: EdgeWorker;

  beforeAll(async () => {
    relay = await openReceiver({ EDGE_SECRET });
    line = await layLine(Number(new URL(relay.url).port));
    edge = await startEdgeWorker({
      bindings: { RELAY_URL: `http://127.0.0.1:${line.port}`, EDGE_SECRET, FASTIO_WEBHOOK_SECRETS: SECRET },
    });
  });
  afterAll(async () => {
    await edge?.stop();
    await relay?.close();
  });

  const db = () => relay.ledger.db;
  /** Until the end of the test; before and after it the relay is away. */
  async function relayIsThere(): Promise<void> {
    await line.mend();
    onTestFinished(line.cut);
  }

  const packed = (body: string): EdgeDelivery => ({
    id: randomUUID(),
    receivedAtMs: Date.now(),
    headers: signed(body),
    body: Buffer.from(body).toString("base64"),
  });

  test("hands a signed delivery to the relay, which has it in its ledger under the id that the sender was told", async () => {
    await relayIsThere();
    const beforeMs = Date.now();
    const answer = await deliver(edge.url, bodyOf("first"));
    expect(answer.status).toBe(202);
    const { id, status } = (await answer.json()) as { readonly id: string; readonly status: string };
    expect(status).toBe("accepted");
    const line = await vi.waitFor(async () => {
      const [found] = await db().select().from(deliveries).where(eq(deliveries.id, id));
      if (!found) throw new Error("not there yet");
      return found;
    }, SOON);
    expect(line).toMatchObject({ id, route: "edge", verdict: "accepted", scheme: "fastio-signature" });
    expect(line.receivedAtMs).toBeGreaterThanOrEqual(beforeMs);
    expect(await db().select().from(events)).toMatchObject([{ id: "first", source: "webhook" }]);
  });

  test.each<readonly [string, number, () => Promise<Response>]>([
    ["another secret", 401, () => deliver(edge.url, bodyOf("x"), signed(bodyOf("x"), { secret: "another secret" }))],
    ["an old signature", 401, () => deliver(edge.url, bodyOf("x"), signed(bodyOf("x"), { signedAtMs: 1 }))],
    ["no signature", 401, () => deliver(edge.url, bodyOf("x"), { "content-type": "application/json" })],
    ["another body", 401, () => deliver(edge.url, bodyOf("y"), signed(bodyOf("x")))],
    ["no JSON", 400, () => deliver(edge.url, "{", signed("{"))],
    ["no JSON type", 415, () => deliver(edge.url, "{}", { ...signed("{}"), "content-type": "text/html" })],
    // On a connection of its own: what is refused unread ends it.
    [
      "more than 1 MiB",
      413,
      () => deliver(edge.url, "x".repeat(1_048_577), { "content-type": "application/json", connection: "close" }),
    ],
    ["GET", 405, () => fetch(`${edge.url}/webhooks/fastio`)],
    ["another path", 404, () => fetch(`${edge.url}/runs`)],
  ])("answers %s with %i, as the relay does", async (_what, status, send) => {
    const answer = await send();
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ error: expect.any(String) });
  });

  test("keeps what comes while the relay is down, and hands it over in order of arrival, once each", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 130; index += 1) {
      const answer = await deliver(edge.url, bodyOf(`kept-${index}`));
      expect(answer.status).toBe(202);
      ids.push(((await answer.json()) as { readonly id: string }).id);
    }
    await vi.waitFor(() => expect(edge.logged()).toContain("relay.away"), SOON);
    await relayIsThere();
    const kept = () =>
      db()
        .select({
          id: deliveries.id,
          verdict: deliveries.verdict,
          commit: sql<string>`deliveries.xmin`.mapWith(Number),
        })
        .from(deliveries)
        .where(inArray(deliveries.id, ids));
    await vi.waitFor(async () => expect(await kept()).toHaveLength(ids.length), DRAINED);
    const byId = new Map((await kept()).map((line) => [line.id, line]));
    expect(ids.map((id) => byId.get(id)?.verdict)).toEqual(ids.map(() => "accepted"));
    // Several are committed together; none before one that came earlier.
    const commits = ids.map((id) => byId.get(id)?.commit ?? 0);
    expect(new Set(commits).size).toBeGreaterThan(1);
    expect(commits).toEqual(commits.toSorted((left, right) => left - right));
    expect(await db().$count(events, like(events.id, "kept-%"))).toBe(ids.length);
    expect(edge.deadLetters).toEqual([]);
  }, 120_000);

  test("puts what the relay never takes with the dead letters, and the rest of the batch into the ledger", async () => {
    // The first waits for the relay, which is away; the others gather behind it and are one batch.
    await edge.enqueue(packed(bodyOf("before")));
    await edge.enqueue({ what: "no delivery" });
    const broken = packed("{");
    await edge.enqueue(broken);
    await edge.enqueue(packed(bodyOf("after")));
    await relayIsThere();
    await vi.waitFor(async () => {
      const found = await db().select({ id: events.id }).from(events);
      expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(["before", "after"]));
      expect(edge.deadLetters).toHaveLength(2);
    }, DRAINED);
    expect(edge.deadLetters).toEqual(
      expect.arrayContaining([
        { what: "no delivery", refused: "shape" },
        { ...broken, refused: "shape" },
      ]),
    );
  }, 120_000);

  test("sends a delivery too large for the queue at once, or says that it cannot", async () => {
    const body = JSON.stringify({ ...JSON.parse(bodyOf("large")), note: "x".repeat(LARGE_CHARS) });
    const away = await deliver(edge.url, body);
    expect(away.status).toBe(503);
    expect(away.headers.get("retry-after")).toBe("5");
    await relayIsThere();
    const answer = await deliver(edge.url, body);
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { readonly id: string };
    const found = await db().select().from(deliveries).where(eq(deliveries.id, id));
    expect(found).toMatchObject([{ route: "edge", verdict: "accepted", bodyBytes: body.length }]);
  });

  test("is alive, and tells no secret in its log", async () => {
    const answer = await fetch(`${edge.url}/healthz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "alive" });
    expect(edge.logged()).toContain("delivery.queued");
    for (const secret of [SECRET, EDGE_SECRET]) expect(edge.logged()).not.toContain(secret);
  });

  test("without its bindings takes nothing and names what is missing", async () => {
    const bare = await startEdgeWorker({
      bindings: { FASTIO_SIGNATURE: "morse", EDGE_SECRET: "short" },
      queues: false,
    });
    onTestFinished(bare.stop);
    for (const answer of [await fetch(`${bare.url}/healthz`), await deliver(bare.url, bodyOf("x"))]) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toBe("5");
      expect(await answer.json()).toEqual({
        error: "the edge is not configured",
        faults: [
          "EDGE_SECRET needs 16 characters or more",
          expect.stringMatching(/^FASTIO_SIGNATURE must be one of auto, /),
          "FASTIO_WEBHOOK_SECRETS is not set",
          "DELIVERIES is not bound to a queue",
          "DEAD_LETTERS is not bound to a queue",
        ],
      });
    }
  });

  test("leaves with the dead letters what the relay refuses until the queue gives up", async () => {
    await relayIsThere();
    const other = await startEdgeWorker({
      bindings: { RELAY_URL: relay.url, EDGE_SECRET, FASTIO_WEBHOOK_SECRETS: "a secret the relay does not know" },
      maxRetries: 0,
    });
    onTestFinished(other.stop);
    const body = bodyOf("unknown-secret");
    const headers = signed(body, { secret: "a secret the relay does not know" });
    expect((await deliver(other.url, body, headers)).status).toBe(202);
    await vi.waitFor(() => expect(other.deadLetters).toHaveLength(1), SOON);
    expect(other.deadLetters).toMatchObject([{ headers, body: Buffer.from(body).toString("base64") }]);
    expect(other.logged()).toContain("delivery.refused_by_relay");
  });
});
