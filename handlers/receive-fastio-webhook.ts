import { createHash } from "node:crypto";
import type { Clock } from "../src/clock.ts";
import { eventKey } from "../src/fastio/events/event-keys.ts";
import { readDelivery } from "../src/fastio/events/read-delivery.ts";
import type { VerifyDelivery } from "../src/fastio/signatures/verify-delivery.ts";
import type { Accept } from "../src/ledger/accept.ts";
import type { DeliveryFacts } from "../src/ledger/accept-deliveries.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { NoteSignature } from "./note-signature.ts";

/** What came in by HTTP; the body is the exact bytes, or the reason there is none. */
export type IncomingDelivery = {
  readonly headers: (lowerCaseName: string) => string | undefined;
  readonly body:
    | { readonly kind: "bytes"; readonly bytes: Uint8Array }
    | { readonly kind: "too_large"; readonly seenBytes: number }
    | { readonly kind: "cut_short"; readonly seenBytes: number };
};

export type ReceiveOutcome =
  | { readonly kind: "accepted" | "duplicate" | "ignored"; readonly deliveryId: string }
  | { readonly kind: "refused"; readonly reason: "signature" | "stale" | "shape" | "content_type" | "too_large" }
  | { readonly kind: "unavailable" };

export type ReceiveDeps = {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly verify: VerifyDelivery;
  /** Secrets as short prints, in the verifier's order. */
  readonly secretPrints: () => readonly string[];
  readonly accept: Accept;
  /** Whether this refusal is to be stored, given its time; all are counted. */
  readonly keepRefusal: (nowMs: number) => boolean;
  /** Told how each verified delivery was signed. */
  readonly noteSignature: NoteSignature;
  readonly log: Log;
};

type Refusal = Extract<ReceiveOutcome, { kind: "refused" }>["reason"];

/** JSON, with any parameter; `text/plain` because some senders cannot set the type. */
const CONTENT_TYPE = /^\s*(application\/([a-z0-9.+-]+\+)?json|text\/plain)\s*(;|$)/i;

/**
 * Verifies, normalises, commits. Does no slow work: the sender is waiting.
 * A delivery that brings nothing of use (a ping, no events) is kept and answered as ignored.
 */
export const receiveFastioWebhook =
  (deps: ReceiveDeps) =>
  async ({ headers, body }: IncomingDelivery): Promise<ReceiveOutcome> => {
    const { clock, accept, log } = deps;
    const receivedAtMs = clock.now();
    const base: DeliveryFacts = {
      id: deps.newId(),
      receivedAtMs,
      route: "fastio",
      bodyBytes: body.kind === "bytes" ? body.bytes.byteLength : body.seenBytes,
    };

    const refuse = async (reason: Refusal, detail: string, facts: DeliveryFacts = base): Promise<ReceiveOutcome> => {
      log.warn("delivery.refused", { deliveryId: facts.id, reason, detail, bodyBytes: facts.bodyBytes });
      try {
        await accept({ kind: "refusal", facts, reason: `${reason}: ${detail}`, keep: deps.keepRefusal(receivedAtMs) });
      } catch {
        // Refusing needs no ledger; accept has logged that it is away.
      }
      return { kind: "refused", reason };
    };

    if (body.kind === "too_large") return refuse("too_large", "over the limit");
    if (body.kind === "cut_short") return refuse("shape", "the body ended early");
    if (!CONTENT_TYPE.test(headers("content-type") ?? "")) return refuse("content_type", "not JSON");

    const facts: DeliveryFacts = { ...base, bodyHash: createHash("sha256").update(body.bytes).digest("hex") };
    const verdict = deps.verify({ headers, body: body.bytes }, receivedAtMs);
    if (verdict.kind === "refused") {
      return refuse(verdict.reason === "stale" ? "stale" : "signature", verdict.reason, facts);
    }
    const secretPrint = verdict.secretIndex === undefined ? undefined : deps.secretPrints()[verdict.secretIndex];
    const verified: DeliveryFacts = {
      ...facts,
      scheme: verdict.scheme,
      ...(secretPrint === undefined ? {} : { secretPrint }),
      ...(verdict.keyForm === undefined ? {} : { keyForm: verdict.keyForm }),
      ...(verdict.deliveryHeaderId === undefined ? {} : { senderDeliveryId: verdict.deliveryHeaderId }),
    };

    const content = readDelivery(body.bytes, {
      receivedAtMs,
      source: "webhook",
      ...(verdict.signedAtMs === undefined ? {} : { signedAtMs: verdict.signedAtMs }),
      ...(verdict.deliveryHeaderId === undefined ? {} : { deliveryHeaderId: verdict.deliveryHeaderId }),
    });
    if (content.kind === "malformed") return refuse("shape", content.reason, verified);

    const events = content.kind === "events" ? content.events.map((event) => ({ key: eventKey(event), event })) : [];
    try {
      const kind = await accept({ kind: "delivery", facts: verified, events });
      log.info("delivery.received", {
        deliveryId: base.id,
        verdict: kind,
        events: events.length,
        scheme: verdict.scheme,
      });
      if (secretPrint !== undefined) {
        deps.noteSignature({ secretPrint, scheme: verdict.scheme, keyForm: verdict.keyForm });
      }
      return kind === "refused" ? { kind: "unavailable" } : { kind, deliveryId: base.id };
    } catch {
      return { kind: "unavailable" };
    }
  };

/** Tells which secret matched without telling the secret. */
export const secretPrint = (secret: string): string => createHash("sha256").update(secret).digest("hex").slice(0, 12);
