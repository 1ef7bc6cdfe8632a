import { describe, expect, test } from "vitest";
import { receiveFastioWebhook } from "../../../handlers/receive-fastio-webhook.ts";
import { type ReceivedDelivery, secretPrint, type TakeDeps, takeDelivery } from "../../../handlers/take-delivery.ts";
import { TransientError } from "../../../src/errors.ts";
import type { Intake } from "../../../src/ledger/intake.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { silentTrace } from "../../../src/telemetry/trace.ts";

const NOW_MS = 1_795_327_200_000;
const BODY = '{"event":"file.created","event_id":"e1","workspace_id":"1","file_id":"f1"}';

const deliveryOf = (body: string | ReceivedDelivery["body"], type = "application/json"): ReceivedDelivery => ({
  allHeaders: () => [["content-type", type]],
  headers: (name) => (name === "content-type" ? type : undefined),
  body: typeof body === "string" ? { kind: "bytes", bytes: Buffer.from(body) } : body,
});

function open(change: Partial<TakeDeps> = {}) {
  const intakes: Intake[] = [];
  const lines: string[] = [];
  const notes: unknown[] = [];
  const deps: TakeDeps = {
    clock: { now: () => NOW_MS, sleep: async () => undefined },
    newId: () => "delivery-1",
    verify: () => ({ kind: "verified", scheme: "fastio-signature", secretIndex: 0, deliveryHeaderId: "theirs" }),
    secretPrints: () => ["print"],
    accept: async (intake) => {
      intakes.push(intake);
      return intake.kind === "refusal" ? "refused" : "accepted";
    },
    keepRefusal: () => true,
    trace: silentTrace,
    noteSignature: (seen) => notes.push(seen),
    log: {
      ...silentLog,
      info: (event, fields) => lines.push(JSON.stringify({ event, ...fields })),
      warn: (event, fields) => lines.push(JSON.stringify({ event, ...fields })),
    },
    ...change,
  };
  const receive = receiveFastioWebhook({ ...deps, take: takeDelivery(deps) });
  return { receive, intakes, lines, notes };
}

const away = async (): Promise<never> => {
  throw new TransientError("ledger_unavailable", "away");
};

test("a good delivery is committed with what was found out about it", async () => {
  const { receive, intakes } = open();
  expect(await receive(deliveryOf(BODY))).toEqual({ kind: "accepted", deliveryId: "delivery-1" });
  expect(intakes).toMatchObject([
    {
      kind: "delivery",
      facts: {
        id: "delivery-1",
        receivedAtMs: NOW_MS,
        bodyBytes: BODY.length,
        scheme: "fastio-signature",
        secretPrint: "print",
        senderDeliveryId: "theirs",
      },
      events: [{ key: expect.stringMatching(/^ev-/), event: { id: "e1", type: "file.created", receivedAtMs: NOW_MS } }],
    },
  ]);
});

test("while the ledger is away a good delivery is unavailable, never accepted", async () => {
  const { receive } = open({ accept: away });
  expect(await receive(deliveryOf(BODY))).toEqual({ kind: "unavailable" });
});

test("while the ledger is away a bad delivery is refused all the same", async () => {
  const { receive } = open({ accept: away, verify: () => ({ kind: "refused", reason: "mismatch" }) });
  expect(await receive(deliveryOf(BODY))).toEqual({ kind: "refused", reason: "signature" });
});

describe("nothing is parsed before its signature is right", () => {
  test.each(["missing", "malformed", "mismatch", "unconfigured"] as const)(
    "%s is refused as signature",
    async (reason) => {
      const { receive, intakes } = open({ verify: () => ({ kind: "refused", reason }) });
      expect(await receive(deliveryOf("not even JSON"))).toEqual({ kind: "refused", reason: "signature" });
      expect(intakes).toMatchObject([{ kind: "refusal", reason: `signature: ${reason}`, keep: true }]);
    },
  );

  test("and nothing is verified that is too large, cut short or no JSON", async () => {
    const verify = (): never => {
      throw new Error("nobody should ask");
    };
    const { receive } = open({ verify });
    expect(await receive(deliveryOf({ kind: "too_large", seenBytes: 2_000_000 }))).toMatchObject({
      reason: "too_large",
    });
    expect(await receive(deliveryOf({ kind: "cut_short", seenBytes: 3 }))).toMatchObject({ reason: "shape" });
    expect(await receive(deliveryOf(BODY, "text/html"))).toMatchObject({ reason: "content_type" });
  });
});

test("beyond the budget a refusal is counted and not kept", async () => {
  const { receive, intakes } = open({ keepRefusal: () => false, verify: () => ({ kind: "refused", reason: "stale" }) });
  expect(await receive(deliveryOf(BODY))).toEqual({ kind: "refused", reason: "stale" });
  expect(intakes).toMatchObject([{ kind: "refusal", keep: false }]);
});

test("the log tells of a delivery by id and size, never by content", async () => {
  const { receive, lines } = open();
  await receive(deliveryOf(BODY.replace("e1", "private-id")));
  await receive(deliveryOf('{"private":'));
  expect(lines).toHaveLength(2);
  expect(lines.join()).not.toContain("private");
});

test("a secret's print tells secrets apart and is not the secret", () => {
  expect(secretPrint("one secret")).toMatch(/^[0-9a-f]{12}$/);
  expect(secretPrint("one secret")).not.toBe(secretPrint("another secret"));
});

test("how a delivery was signed is told after its commit, and never for one that was not committed", async () => {
  const good = open();
  await good.receive(deliveryOf(BODY));
  expect(good.notes).toEqual([{ secretPrint: "print", scheme: "fastio-signature", keyForm: undefined }]);
  const bad = open({ accept: away });
  await bad.receive(deliveryOf(BODY));
  expect(bad.notes).toEqual([]);
});
