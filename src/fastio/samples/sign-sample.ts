import type { SignatureScheme } from "../signatures/read-signature.ts";
import { signDelivery } from "../signatures/sign-delivery.ts";

export type SampleScheme = SignatureScheme | "unsigned";

/** The signature schemes, by what sources call them and what `FASTIO_SIGNATURE` does. */
export const SAMPLE_SCHEMES: Readonly<Record<string, SampleScheme>> = {
  D1: "fastio-signature",
  "fastio-signature": "fastio-signature",
  D2: "x-fastio-signature",
  // What is known of D3 is its secret, whsec_…; the header is that of D2.
  D3: "x-fastio-signature",
  "x-fastio-signature": "x-fastio-signature",
  "standard-webhooks": "standard-webhooks",
  unsigned: "unsigned",
};

/** What is made wrong about a delivery, to see it refused. */
export const TAMPERINGS = ["signature", "timestamp", "body"] as const;
export type Tampering = (typeof TAMPERINGS)[number];

/** Older than any receiver tolerates (five minutes). */
const STALE_MS = 600_000;
const WRONG_SECRET = "a secret that no relay was ever given";

export type SampleDelivery = { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array };

/**
 * A delivery with its signature, right or wrong on purpose.
 *
 * @param wish `id` is the delivery's own; `nowMs` milliseconds since the Unix epoch
 * @throws {PermanentError} `config_invalid` when the secret cannot sign
 */
export function signSample(wish: {
  readonly scheme: SampleScheme;
  readonly secret: string | undefined;
  readonly id: string;
  readonly body: Uint8Array;
  readonly nowMs: number;
  readonly tamper?: Tampering | undefined;
}): SampleDelivery {
  const { scheme, secret, id, body, nowMs, tamper } = wish;
  const known = secret === undefined ? [] : [secret];
  const signature = signDelivery({
    scheme,
    secrets: tamper === "signature" ? [WRONG_SECRET] : known,
    body,
    id,
    nowMs: tamper === "timestamp" ? nowMs - STALE_MS : nowMs,
  });
  return {
    headers: { "content-type": "application/json", "user-agent": "relay-trigger", ...signature },
    // Still the same JSON: it is the bytes that are signed.
    body: tamper === "body" ? new Uint8Array([...body, 0x20]) : body,
  };
}
