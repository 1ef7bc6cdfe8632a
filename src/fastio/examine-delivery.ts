import type { LimitedBody } from "../read-body.ts";
import { type DeliveryReading, readDelivery } from "./events/read-delivery.ts";
import type { ReadHeader } from "./signatures/read-signature.ts";
import type { Verdict, VerifyDelivery } from "./signatures/verify-delivery.ts";

/** What came in by HTTP; the body is the exact bytes, or the reason there is none. */
export type IncomingDelivery = { readonly headers: ReadHeader; readonly body: LimitedBody };

export type Refusal = "signature" | "stale" | "shape" | "content_type" | "too_large";

export type VerifiedSignature = Extract<Verdict, { kind: "verified" }>;

export type Examination =
  | {
      readonly kind: "good";
      readonly bytes: Uint8Array;
      readonly verdict: VerifiedSignature;
      readonly content: Exclude<DeliveryReading, { kind: "malformed" }>;
    }
  | {
      readonly kind: "refused";
      readonly reason: Refusal;
      /** Words for the ledger and the log; the sender is not told. */
      readonly detail: string;
      /** When the signature was right and the content was not. */
      readonly verdict?: VerifiedSignature;
    };

/** JSON, with any parameter; `text/plain` because some senders cannot set the type. */
const CONTENT_TYPE = /^\s*(application\/([a-z0-9.+-]+\+)?json|text\/plain)\s*(;|$)/i;

type Refused = Extract<Examination, { kind: "refused" }>;

/** Size, type and signature of anything that is posted to a webhook, in this order; the content is not looked at. */
export const examineSigned = (
  { headers, body }: IncomingDelivery,
  verify: VerifyDelivery,
  receivedAtMs: number,
): Refused | { readonly kind: "signed"; readonly bytes: Uint8Array; readonly verdict: VerifiedSignature } => {
  if (body.kind === "too_large") return refused("too_large", "over the limit");
  if (body.kind === "cut_short") return refused("shape", "the body ended early");
  if (!CONTENT_TYPE.test(headers("content-type") ?? "")) return refused("content_type", "not JSON");
  const verdict = verify({ headers, body: body.bytes }, receivedAtMs);
  if (verdict.kind === "refused") {
    return refused(verdict.reason === "stale" ? "stale" : "signature", verdict.reason);
  }
  return { kind: "signed", bytes: body.bytes, verdict };
};

/**
 * What the receiver and the edge worker ask of every delivery: size, type, signature, and then its content.
 * Web standards and `node:crypto` only, so that Workers can run it.
 *
 * @param receivedAtMs when it came in; the age of its signature is judged by this
 */
export const examineDelivery = (
  delivery: IncomingDelivery,
  verify: VerifyDelivery,
  receivedAtMs: number,
): Examination => {
  const signed = examineSigned(delivery, verify, receivedAtMs);
  if (signed.kind === "refused") return signed;
  const { bytes, verdict } = signed;
  const content = readDelivery(bytes, {
    receivedAtMs,
    source: "webhook",
    ...(verdict.signedAtMs === undefined ? {} : { signedAtMs: verdict.signedAtMs }),
    ...(verdict.deliveryHeaderId === undefined ? {} : { deliveryHeaderId: verdict.deliveryHeaderId }),
  });
  return content.kind === "malformed"
    ? { kind: "refused", reason: "shape", detail: content.reason, verdict }
    : { kind: "good", bytes, verdict, content };
};

const refused = (reason: Refusal, detail: string): Refused => ({ kind: "refused", reason, detail });
