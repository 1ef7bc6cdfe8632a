import { examineDelivery } from "../../handlers/examine-delivery.ts";
import { encodeBase64 } from "../base64.ts";
import {
  type DeliveryAnswer,
  MAX_DELIVERY_BYTES,
  REFUSAL_ANSWERS,
  RETRY_AFTER_SECONDS,
  UNAVAILABLE_ANSWER,
} from "../delivery-answers.ts";
import type { VerifyDelivery } from "../fastio/signatures/verify-delivery.ts";
import { messageOf } from "../message-of.ts";
import { readLimitedBody } from "../read-body.ts";
import type { Log } from "../telemetry/log.ts";
import type { SendToRelay } from "./send-to-relay.ts";
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
export const MAX_MESSAGE_BYTES = 127_000;

/**
 * Examines a delivery like the relay does and answers like it, once the queue has it. What is too large for the queue
 * goes to the relay at once; while that is away, the sender is told to come again.
 */
export const receiveAtEdge =
  ({ now, newId, verify, enqueue, send, log }: ReceiveAtEdgeDeps) =>
  async (request: Request): Promise<Response> => {
    const receivedAtMs = now();
    const headers = (name: string): string | undefined => request.headers.get(name) ?? undefined;
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
    const delivery: EdgeDelivery = {
      id: newId(),
      receivedAtMs,
      headers: Object.fromEntries(
        CARRIED_HEADERS.map((name) => [name, headers(name)] as const).filter(
          (pair): pair is readonly [string, string] => pair[1] !== undefined,
        ),
      ),
      body: encodeBase64(seen.bytes),
    };
    if (new TextEncoder().encode(JSON.stringify(delivery)).length > MAX_MESSAGE_BYTES) return sendAtOnce(delivery);
    try {
      await enqueue(delivery);
    } catch (error) {
      log.error("delivery.not_queued", { deliveryId: delivery.id, message: messageOf(error) });
      return tell(UNAVAILABLE_ANSWER);
    }
    log.info("delivery.queued", { deliveryId: delivery.id, bodyBytes: seen.bytes.length });
    return Response.json({ id: delivery.id, status: "accepted" }, { status: 202 });

    async function sendAtOnce(large: EdgeDelivery): Promise<Response> {
      const answer = await send([large]);
      const outcome = answer.kind === "answered" ? answer.outcomes[0] : undefined;
      log.info("delivery.sent_at_once", { deliveryId: large.id, outcome: outcome?.status ?? "unavailable" });
      switch (outcome?.status) {
        case "accepted":
        case "duplicate":
        case "ignored":
          return Response.json({ id: large.id, status: outcome.status }, { status: 202 });
        default:
          // It is verified here, so a refusal of the relay is a setting that differs: the sender shall come again.
          return tell(UNAVAILABLE_ANSWER);
      }
    }
  };

export const tell = ({ status, error, headers = {} }: DeliveryAnswer, more: Readonly<Record<string, unknown>> = {}) =>
  Response.json({ error, ...more }, { status, headers });

/** Said while a setting is missing: nothing can be taken, and Fast.io keeps what it could not deliver. */
export const unconfigured = (faults: readonly string[]): Response =>
  tell(
    { status: 503, error: "the edge is not configured", headers: { "Retry-After": String(RETRY_AFTER_SECONDS) } },
    { faults },
  );
