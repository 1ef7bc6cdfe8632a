import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { receiveEdgeBatch } from "../../../handlers/receive-edge-batch.ts";
import type { Arrival, ReceiveOutcome } from "../../../handlers/take-delivery.ts";
import type { IncomingDelivery } from "../../../src/fastio/examine-delivery.ts";
import { signDelivery } from "../../../src/fastio/signatures/sign-delivery.ts";
import type { Intake } from "../../../src/ledger/intake.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const NOW_MS = 1_795_327_200_000;
const SECRET = "a secret shared by edge and relay";

function open(
  endings: readonly ReceiveOutcome[],
  { secret }: { readonly secret: string | undefined } = { secret: SECRET },
) {
  const intakes: Intake[] = [];
  const arrivals: Arrival[] = [];
  const receive = receiveEdgeBatch({
    clock: { now: () => NOW_MS, sleep: async () => undefined },
    newId: randomUUID,
    accept: async (intake) => {
      intakes.push(intake);
      return "refused";
    },
    keepRefusal: () => true,
    log: silentLog,
    secret,
    take: async (_delivery, arrival) => {
      arrivals.push(arrival);
      return endings[arrivals.length - 1] ?? { kind: "unavailable" };
    },
  });
  return { receive, intakes, arrivals };
}

const batchOf = (count: number): IncomingDelivery => {
  const deliveries = Array.from({ length: count }, () => ({
    id: randomUUID(),
    receivedAtMs: NOW_MS,
    headers: {},
    body: "e30=",
  }));
  const bytes = Buffer.from(JSON.stringify({ deliveries }));
  const signed = signDelivery({ scheme: "standard-webhooks", secrets: [SECRET], body: bytes, nowMs: NOW_MS, id: "b" });
  const headers: Readonly<Record<string, string>> = { "content-type": "application/json", ...signed };
  return { headers: (name) => headers[name], body: { kind: "bytes", bytes } };
};

const UNAVAILABLE: ReceiveOutcome = { kind: "unavailable" };
const ACCEPTED: ReceiveOutcome = { kind: "accepted", deliveryId: "d" };

test("a batch of which nothing could be committed is unavailable as a whole", async () => {
  const { receive } = open([UNAVAILABLE, UNAVAILABLE]);
  expect(await receive(batchOf(2))).toEqual({ kind: "unavailable" });
});

test("a batch of which something was committed tells which", async () => {
  const { receive } = open([UNAVAILABLE, ACCEPTED]);
  expect(await receive(batchOf(2))).toEqual({
    kind: "taken",
    outcomes: [{ status: "unavailable" }, { status: "accepted" }],
  });
});

test("an empty batch is nothing to do", async () => {
  const { receive } = open([]);
  expect(await receive(batchOf(0))).toEqual({ kind: "taken", outcomes: [] });
});

test("without a secret nothing is looked at, whatever it is signed with", async () => {
  const { receive, arrivals } = open([ACCEPTED], { secret: undefined });
  expect(await receive(batchOf(1))).toEqual({ kind: "unconfigured" });
  expect(arrivals).toEqual([]);
});

test("a secret too short to be one lets nobody in", async () => {
  const { receive, arrivals, intakes } = open([ACCEPTED], { secret: "" });
  expect(await receive(batchOf(1))).toEqual({ kind: "refused", reason: "signature" });
  expect(arrivals).toEqual([]);
  expect(intakes).toMatchObject([{ kind: "refusal", reason: "batch: signature, unconfigured" }]);
});

test("a body that was cut short is no batch", async () => {
  const { receive } = open([]);
  expect(await receive({ headers: () => undefined, body: { kind: "cut_short", seenBytes: 10 } })).toEqual({
    kind: "refused",
    reason: "shape",
  });
});
