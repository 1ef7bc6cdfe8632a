import { MAX_DELIVERY_BYTES, REFUSAL_ANSWERS, UNAVAILABLE_ANSWER } from "../delivery-answers.ts";
import { examineDelivery } from "../fastio/examine-delivery.ts";
import type { ReadHeader } from "../fastio/signatures/read-signature.ts";
import type { VerifyDelivery } from "../fastio/signatures/verify-delivery.ts";
import { messageOf } from "../message-of.ts";
import { readLimitedBody } from "../read-body.ts";
import type { Log } from "../telemetry/log.ts";
import { encodeBase64 } from "../text/base64.ts";
import type { SendToRelay } from "./send-to-relay.ts";
import { tell } from "./tell.ts";
import { CARRIED_HEADERS, type EdgeDelivery } from "./wire.ts";

export type ReceiveAtEdgeDeps = {
  readonly now: () => number;
  readonly newId: () => string;
  readonly verify: VerifyDelivery;
  readonly enqueue: (delivery: EdgeDelivery) => Promise<unknown>;
  readonly send: SendToRelay;
  readonly log: Pick<Log, "info" | "warn" | "error">;
};

/**
 * A queue's message holds 128,000 bytes, of which the platform may use about 100 itself
 * (developers.cloudflare.com/queues/platform/limits, read on 22 November 2026).
 */
const MAX_MESSAGE_BYTES = 127_000;

/**
 * Examines a delivery like the relay does and answers like it, once the queue has it. What is too large for the queue
 * goes to the relay at once; while that is away, the sender is told to come again.
 */
export const receiveAtEdge =
  (deps: ReceiveAtEdgeDeps) =>
  async (request: Request): Promise<Response> => {
    const { now, newId, verify, log } = deps;
    const receivedAtMs = now();
    const headers: ReadHeader = (name) => request.headers.get(name) ?? undefined;
    const declared = Number(headers("content-length") ?? Number.NaN);
    const body = await readLimitedBody(
      request.body,
      MAX_DELIVERY_BYTES,
      Number.isFinite(declared) ? declared : undefined,
    );
    const seen = examineDelivery({ headers, body }, verify, receivedAtMs);
    if (seen.kind === "refused") {
      log.warn("delivery.refused", { reason: seen.reason, detail: seen.detail });
      return tell(REFUSAL_ANSWERS[seen.reason]);
    }
    const delivery = { id: newId(), receivedAtMs, headers: carriedOf(headers), body: encodeBase64(seen.bytes) };
    const messageBytes = new TextEncoder().encode(JSON.stringify(delivery)).length;
    return messageBytes > MAX_MESSAGE_BYTES ? sendAtOnce(deps, delivery) : keep(deps, delivery);
  };

const carriedOf = (headers: ReadHeader): EdgeDelivery["headers"] => {
  const carried: Record<string, string> = {};
  for (const name of CARRIED_HEADERS) {
    const value = headers(name);
    if (value !== undefined) carried[name] = value;
  }
  return carried;
};

async function keep({ enqueue, log }: ReceiveAtEdgeDeps, delivery: EdgeDelivery): Promise<Response> {
  try {
    await enqueue(delivery);
  } catch (error) {
    log.error("delivery.not_queued", { deliveryId: delivery.id, message: messageOf(error) });
    return tell(UNAVAILABLE_ANSWER);
  }
  log.info("delivery.queued", { deliveryId: delivery.id });
  return Response.json({ id: delivery.id, status: "accepted" }, { status: 202 });
}

async function sendAtOnce({ send, log }: ReceiveAtEdgeDeps, delivery: EdgeDelivery): Promise<Response> {
  const answer = await send([delivery]);
  const status = answer.kind === "answered" ? answer.outcomes[0]?.status : undefined;
  log.info("delivery.sent_at_once", { deliveryId: delivery.id, outcome: status ?? "unavailable" });
  switch (status) {
    case "accepted":
    case "duplicate":
    case "ignored":
      return Response.json({ id: delivery.id, status }, { status: 202 });
    case "refused": // it was good here, so a setting differs: the sender shall come again
    case "unavailable":
    case undefined:
      return tell(UNAVAILABLE_ANSWER);
    default:
      return status satisfies never;
  }
}
