import { timingSafeEqual } from "node:crypto";
import { deriveKeys, type KeyForm, type SigningKey } from "./derive-keys.ts";
import {
  detectScheme,
  type PresentedSignature,
  type ReadHeader,
  readSignature,
  type SignatureScheme,
} from "./read-signature.ts";
import { computeSignature } from "./signed-bytes.ts";

/** What `FASTIO_SIGNATURE` may be. */
export const SCHEME_SETTINGS = [
  "auto",
  "fastio-signature",
  "x-fastio-signature",
  "standard-webhooks",
  "unsigned",
] as const satisfies readonly ("auto" | SignatureScheme | "unsigned")[];
export type SchemeSetting = (typeof SCHEME_SETTINGS)[number];

export type VerifierSettings = {
  /** Live secrets, newest first; several while one is being rotated. */
  readonly secrets: readonly string[];
  /** `auto` goes by the header that is there. `unsigned` takes deliveries that bring no signature. */
  readonly scheme: SchemeSetting;
  /** How far the sender's clock may be from ours, either way. */
  readonly toleranceMs?: number;
  /** Take signatures over the body alone when no timestamp is sent; such deliveries can be replayed for ever. */
  readonly allowBodyOnly?: boolean;
};

export type SignedDelivery = {
  /** Called with lower-case names. */
  readonly headers: ReadHeader;
  /** The exact bytes received; JSON parsed and printed again no longer matches. */
  readonly body: Uint8Array;
};

export type RefusedReason = "missing" | "malformed" | "stale" | "mismatch" | "unconfigured";

export type Verdict =
  | {
      readonly kind: "verified";
      readonly scheme: SignatureScheme | "unsigned";
      /** Which secret matched, so that operators see when a rotation is over; absent when unsigned. */
      readonly secretIndex?: number;
      readonly keyForm?: KeyForm;
      /** Absent when unsigned or signed over the body alone. */
      readonly signedAtMs?: number;
      /** What the sender calls this delivery: signed as `webhook-id`, an unproven hint as `X-Fastio-Delivery`. */
      readonly deliveryHeaderId?: string;
    }
  | { readonly kind: "refused"; readonly reason: RefusedReason };

export type VerifyDelivery = (delivery: SignedDelivery, nowMs: number) => Verdict;

export const DEFAULT_TOLERANCE_MS = 300_000;

/** A key with the place of the secret it was made of. */
export type SecretKey = SigningKey & { readonly secretIndex: number };

/** All that each secret may stand for, in the order of the secrets. */
export const keysOf = (secrets: readonly string[]): readonly SecretKey[] =>
  secrets.flatMap((secret, secretIndex) => deriveKeys(secret).map((key) => ({ ...key, secretIndex })));

/** The first key that made one of the signatures over this body. How near another one was takes no time to tell. */
export const findMatch = <Key extends SigningKey>(
  keys: readonly Key[],
  { prefix, signatures }: Pick<PresentedSignature, "prefix" | "signatures">,
  body: Uint8Array,
): Key | undefined =>
  keys.find((key) => {
    const expected = computeSignature(key.key, prefix, body);
    return signatures.some((bytes) => bytes.length === expected.length && timingSafeEqual(bytes, expected));
  });

/**
 * Makes the check that every delivery passes before it is parsed. Nothing a stranger sends makes it throw.
 *
 * Without a usable secret everything is refused as `unconfigured`, unless the scheme is `unsigned`. Under `unsigned`
 * a signature that is there all the same must be right when there are secrets to check it with; without secrets it
 * is not looked at.
 */
export const createVerifier = ({
  secrets,
  scheme,
  toleranceMs = DEFAULT_TOLERANCE_MS,
  allowBodyOnly = false,
}: VerifierSettings): VerifyDelivery => {
  const keys = keysOf(secrets);
  return ({ headers: unsafeHeaders, body }, nowMs) => {
    const headers: ReadHeader = (name) => {
      const value: unknown = unsafeHeaders(name);
      return typeof value === "string" ? value : undefined;
    };
    const unsigned = scheme === "unsigned";
    const presentedScheme = scheme === "auto" || unsigned ? detectScheme(headers) : scheme;
    if (unsigned && (keys.length === 0 || presentedScheme === undefined)) {
      return { kind: "verified", scheme: "unsigned", ...deliveryIdHint(headers) };
    }
    if (keys.length === 0) return { kind: "refused", reason: "unconfigured" };
    if (presentedScheme === undefined) return { kind: "refused", reason: "missing" };

    const reading = readSignature(headers, presentedScheme, allowBodyOnly);
    if (reading.kind === "refused") return reading;
    const { signedAtMs, messageId } = reading.signature;
    if (signedAtMs !== undefined && !(Math.abs(nowMs - signedAtMs) <= toleranceMs)) {
      return { kind: "refused", reason: "stale" };
    }
    const match = findMatch(keys, reading.signature, body);
    if (match === undefined) return { kind: "refused", reason: "mismatch" };
    return {
      kind: "verified",
      scheme: presentedScheme,
      secretIndex: match.secretIndex,
      keyForm: match.form,
      ...(signedAtMs === undefined ? {} : { signedAtMs }),
      ...(messageId === undefined ? deliveryIdHint(headers) : { deliveryHeaderId: messageId }),
    };
  };
};

const deliveryIdHint = (headers: ReadHeader): { readonly deliveryHeaderId?: string } => {
  const id = headers("x-fastio-delivery")?.trim();
  return id !== undefined && /^[\x21-\x7e]{1,200}$/.test(id) ? { deliveryHeaderId: id } : {};
};
