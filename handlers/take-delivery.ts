import { hash } from "node:crypto";
import type { Clock } from "../src/clock.ts";
import { eventKey } from "../src/fastio/events/event-keys.ts";
import {
  examineDelivery,
  type IncomingDelivery,
  type Refusal,
  type VerifiedSignature,
} from "../src/fastio/examine-delivery.ts";
import type { VerifyDelivery } from "../src/fastio/signatures/verify-delivery.ts";
import type { Accept } from "../src/ledger/accept.ts";
import type { DeliveryFacts } from "../src/ledger/intake.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { Trace } from "../src/telemetry/trace.ts";
import { keptHeaders } from "./kept-headers.ts";
import type { NoteSignature } from "./note-signature.ts";

export type ReceiveOutcome =
  | { readonly kind: "accepted" | "duplicate" | "ignored"; readonly deliveryId: string }
  | { readonly kind: "refused"; readonly reason: Refusal }
  | { readonly kind: "unavailable" };

/** Where and when a delivery came in, and what it is called from then on. */
export type Arrival = {
  readonly id: string;
  readonly route: "fastio" | "edge";
  /** Milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
};

/** A delivery of which all headers can be listed, by lower-case names. */
export type ReceivedDelivery = IncomingDelivery & {
  readonly allHeaders: () => Iterable<readonly [name: string, value: string]>;
};

export type TakeDelivery = (delivery: ReceivedDelivery, arrival: Arrival) => Promise<ReceiveOutcome>;

export type TakeDeps = {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly verify: VerifyDelivery;
  /** Secrets as short prints, in the verifier's order. */
  readonly secretPrints: () => readonly string[];
  readonly accept: Accept;
  /** Whether this refusal is to be stored, given the time; all are counted. */
  readonly keepRefusal: (nowMs: number) => boolean;
  /** Told how each verified delivery was signed. */
  readonly noteSignature: NoteSignature;
  readonly log: Log;
  readonly trace: Pick<Trace, "current">;
};

/**
 * Verifies, normalises, commits. Does no slow work: the sender is waiting.
 * A delivery that brings nothing of use (a ping, no events) is kept and answered as ignored. One that was taken before
 * is a duplicate, under the same id or another.
 */
export const takeDelivery =
  (deps: TakeDeps): TakeDelivery =>
  async (delivery, { id, route, receivedAtMs }) => {
    const { body } = delivery;
    const base: DeliveryFacts = {
      id,
      receivedAtMs,
      route,
      headers: keptHeaders(delivery.allHeaders()),
      bodyBytes: body.kind === "bytes" ? body.bytes.byteLength : body.seenBytes,
      ...(body.kind === "bytes" ? { bodyHash: hash("sha256", body.bytes, "hex") } : {}),
    };
    const seen = examineDelivery(delivery, deps.verify, receivedAtMs);
    if (seen.kind === "refused") {
      const facts = seen.verdict ? { ...base, ...factsOf(seen.verdict, deps.secretPrints()) } : base;
      await noteRefusal(deps, facts, seen.reason, seen.detail);
      return { kind: "refused", reason: seen.reason };
    }

    const { verdict, content } = seen;
    const signed = factsOf(verdict, deps.secretPrints());
    const events = content.kind === "events" ? content.events.map((event) => ({ key: eventKey(event), event })) : [];
    try {
      const kind = await deps.accept({
        kind: "delivery",
        facts: { ...base, ...signed },
        events,
        traceparent: deps.trace.current(),
      });
      deps.log.info("delivery.received", {
        deliveryId: id,
        route,
        verdict: kind,
        events: events.length,
        scheme: verdict.scheme,
      });
      if (signed.secretPrint !== undefined) {
        deps.noteSignature({ secretPrint: signed.secretPrint, scheme: verdict.scheme, keyForm: verdict.keyForm });
      }
      return kind === "refused" ? { kind: "unavailable" } : { kind, deliveryId: id };
    } catch {
      return { kind: "unavailable" };
    }
  };

/**
 * Counts a refusal and, at a bounded rate, keeps a line of it. The line has an id of its own: the edge sends again what
 * was refused for a setting that can be mended, and the line of the good delivery must find its id free.
 */
export async function noteRefusal(
  { clock, newId, accept, keepRefusal, log }: Pick<TakeDeps, "clock" | "newId" | "accept" | "keepRefusal" | "log">,
  facts: DeliveryFacts,
  reason: string,
  detail: string,
): Promise<void> {
  const { id: deliveryId, route, bodyBytes } = facts;
  log.warn("delivery.refused", { deliveryId, route, reason, detail, bodyBytes });
  try {
    const kept = route === "edge" ? { ...facts, id: newId() } : facts;
    await accept({ kind: "refusal", facts: kept, reason: `${reason}: ${detail}`, keep: keepRefusal(clock.now()) });
  } catch {
    // Refusing needs no ledger; accept has logged that it is away.
  }
}

/** What a right signature adds to the ledger's line. */
function factsOf(verdict: VerifiedSignature, prints: readonly string[]) {
  const secretPrint = verdict.secretIndex === undefined ? undefined : prints[verdict.secretIndex];
  return {
    scheme: verdict.scheme,
    ...(secretPrint === undefined ? {} : { secretPrint }),
    ...(verdict.keyForm === undefined ? {} : { keyForm: verdict.keyForm }),
    ...(verdict.deliveryHeaderId === undefined ? {} : { senderDeliveryId: verdict.deliveryHeaderId }),
  };
}

/** Tells which secret matched without telling the secret. */
export const secretPrint = (secret: string): string => hash("sha256", secret, "hex").slice(0, 12);
