import { type EdgeOutcome, isRecord, MAX_BATCH_DELIVERIES, readEdgeDelivery } from "../src/edge/wire.ts";
import { examineSigned, type IncomingDelivery, type Refusal } from "../src/fastio/examine-delivery.ts";
import { createVerifier } from "../src/fastio/signatures/verify-delivery.ts";
import type { DeliveryFacts } from "../src/ledger/intake.ts";
import { decodeBase64 } from "../src/text/base64.ts";
import { noteRefusal, type TakeDelivery, type TakeDeps } from "./take-delivery.ts";

export type EdgeBatchOutcome =
  /** One outcome for each delivery, in their order. */
  | { readonly kind: "taken"; readonly outcomes: readonly EdgeOutcome[] }
  | { readonly kind: "refused"; readonly reason: Refusal }
  /** None of them could be committed. */
  | { readonly kind: "unavailable" }
  | { readonly kind: "unconfigured" };

export type ReceiveEdgeDeps = Pick<TakeDeps, "clock" | "newId" | "accept" | "keepRefusal" | "log"> & {
  /** `EDGE_SECRET`; without one nothing is taken. */
  readonly secret: string | undefined;
  readonly take: TakeDelivery;
};

/**
 * A batch of our edge worker, signed by it. Each delivery is then examined like one that Fast.io sends here, as of the
 * time when it reached the edge: a stolen `EDGE_SECRET` alone makes no event, and a backlog of days is not stale.
 * The same batch again brings duplicates and no second line.
 */
export const receiveEdgeBatch = (deps: ReceiveEdgeDeps) => {
  const { clock, secret } = deps;
  const verify = createVerifier({ secrets: secret === undefined ? [] : [secret], scheme: "standard-webhooks" });

  return async (batch: IncomingDelivery): Promise<EdgeBatchOutcome> => {
    if (secret === undefined) return { kind: "unconfigured" };
    const { body } = batch;
    const nowMs = clock.now();
    const refuse = async (reason: Refusal, detail: string): Promise<EdgeBatchOutcome> => {
      const bodyBytes = body.kind === "bytes" ? body.bytes.byteLength : body.seenBytes;
      const facts: DeliveryFacts = { id: deps.newId(), receivedAtMs: nowMs, route: "edge", bodyBytes };
      await noteRefusal(deps, facts, "batch", `${reason}, ${detail}`);
      return { kind: "refused", reason };
    };

    const signed = examineSigned(batch, verify, nowMs);
    if (signed.kind === "refused") return refuse(signed.reason, signed.detail);
    const deliveries = readBatch(signed.bytes);
    if (deliveries === undefined) return refuse("shape", "no batch");

    // Begun in their order, so that they are committed in it.
    const outcomes = await Promise.all(deliveries.map((value) => takeOne(deps, value, nowMs)));
    const none = outcomes.length > 0 && outcomes.every(({ status }) => status === "unavailable");
    return none ? { kind: "unavailable" } : { kind: "taken", outcomes };
  };
};

const readBatch = (bytes: Uint8Array): readonly unknown[] | undefined => {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const deliveries = isRecord(value) ? value["deliveries"] : undefined;
    return Array.isArray(deliveries) && deliveries.length <= MAX_BATCH_DELIVERIES ? deliveries : undefined;
  } catch {
    return undefined;
  }
};

const takeOne = async (deps: ReceiveEdgeDeps, value: unknown, nowMs: number): Promise<EdgeOutcome> => {
  const delivery = readEdgeDelivery(value);
  const bytes = delivery && decodeBase64(delivery.body);
  if (delivery === undefined || bytes === undefined) {
    const facts: DeliveryFacts = { id: deps.newId(), receivedAtMs: nowMs, route: "edge", bodyBytes: 0 };
    await noteRefusal(deps, facts, "shape", "no delivery of the edge");
    return { status: "refused", reason: "shape" };
  }
  const { id, headers } = delivery;
  const outcome = await deps.take(
    {
      headers: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
      allHeaders: () => Object.entries(headers),
      body: { kind: "bytes", bytes },
    },
    // The edge's clock may be a little ahead; what came in tomorrow would confuse every "how long ago".
    { id, route: "edge", receivedAtMs: Math.min(delivery.receivedAtMs, nowMs) },
  );
  switch (outcome.kind) {
    case "accepted":
    case "duplicate":
    case "ignored":
      return { status: outcome.kind };
    case "refused":
      return { status: "refused", reason: outcome.reason };
    case "unavailable":
      return { status: "unavailable" };
    default:
      return outcome satisfies never;
  }
};
