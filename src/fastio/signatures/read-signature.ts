import { decodeBase64 } from "../../text/base64.ts";
import { decodeHex } from "./derive-keys.ts";

/** The ways of signing that the receiver can tell apart by header. */
export type SignatureScheme = "fastio-signature" | "x-fastio-signature" | "standard-webhooks";

/** Looks a header up by its lower-case name. */
export type ReadHeader = (name: string) => string | undefined;

/** What a delivery presents as proof, decoded but not yet believed. */
export type PresentedSignature = {
  readonly scheme: SignatureScheme;
  /** What was signed before the body, in the sender's own spelling; empty when the body alone was. */
  readonly prefix: string;
  /** Milliseconds since the Unix epoch; undefined when the sender signed no time. */
  readonly signedAtMs: number | undefined;
  /** 32 bytes each. */
  readonly signatures: readonly Uint8Array[];
  /** The id the scheme signs along with the body. */
  readonly messageId?: string;
};

export type SignatureReading = { readonly kind: "presented"; readonly signature: PresentedSignature } | SignatureFault;
export type SignatureFault = { readonly kind: "refused"; readonly reason: "missing" | "malformed" };

const MAX_HEADER_CHARS = 4096;
const MAX_SIGNATURES = 8;
const MAX_MESSAGE_ID_CHARS = 200;
const SIGNATURE_BYTES = 32;

/** No source spells the name out in full, so the likely ones are tried in this order. */
const TIMESTAMP_HEADERS = [
  "x-fastio-timestamp",
  "x-fastio-request-timestamp",
  "fastio-timestamp",
  "x-webhook-timestamp",
  "webhook-timestamp",
] as const;

/** Where each scheme has its signatures. */
export const HEADER_OF = {
  "fastio-signature": "fastio-signature",
  "x-fastio-signature": "x-fastio-signature",
  "standard-webhooks": "webhook-signature",
} as const satisfies Record<SignatureScheme, string>;

/** The headers that hold signatures, by lower-case name. */
export const PROOF_HEADERS: readonly string[] = Object.values(HEADER_OF);

/** Every header that a signature of any scheme may be told in, by lower-case name. */
export const SIGNATURE_HEADERS: readonly string[] = [...PROOF_HEADERS, ...TIMESTAMP_HEADERS, "webhook-id"];

const MISSING: SignatureFault = { kind: "refused", reason: "missing" };
const MALFORMED: SignatureFault = { kind: "refused", reason: "malformed" };

/** The scheme whose header is there, in fixed order of preference; undefined when the delivery is unsigned. */
export const detectScheme = (headers: ReadHeader): SignatureScheme | undefined => {
  const order: readonly SignatureScheme[] = ["fastio-signature", "x-fastio-signature", "standard-webhooks"];
  return order.find((scheme) => headers(HEADER_OF[scheme]) !== undefined);
};

/**
 * Reads what a delivery presents under one scheme.
 *
 * - `fastio-signature`: `Fastio-Signature: t=<seconds>,v1=<base64>`
 * - `x-fastio-signature`: `X-Fastio-Signature: sha256=<hex>` with the time in a header of its own; also understands
 *   the `t=…,v1=…` form there
 * - `standard-webhooks`: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64> …`
 *
 * The first two come from articles at fast.io/resources, the third is the convention behind `whsec_` secrets.
 */
export const readSignature = (
  headers: ReadHeader,
  scheme: SignatureScheme,
  allowBodyOnly: boolean,
): SignatureReading => {
  const value = headers(HEADER_OF[scheme]);
  if (value === undefined) return MISSING;
  if (value.length > MAX_HEADER_CHARS) return MALFORMED;
  if (scheme === "standard-webhooks") return readStandard(headers, value);
  const elements = value.split(",").map(splitElement);
  const named = scheme === "fastio-signature" || elements.some(({ name }) => name === "t" || name === "v1");
  return named ? readNamed(headers, elements, scheme, allowBodyOnly) : readBare(headers, value, scheme, allowBodyOnly);
};

type Element = { readonly name: string; readonly value: string };

/** Splits at the first `=` only: base64 ends in that sign. */
const splitElement = (element: string): Element => {
  const at = element.indexOf("=");
  if (at === -1) return { name: "", value: element.trim() };
  return { name: element.slice(0, at).trim().toLowerCase(), value: element.slice(at + 1).trim() };
};

const readNamed = (
  headers: ReadHeader,
  elements: readonly Element[],
  scheme: SignatureScheme,
  allowBodyOnly: boolean,
): SignatureReading => {
  const times = new Set(elements.filter(({ name }) => name === "t").map(({ value }) => value));
  if (times.size > 1) return MALFORMED;
  const [time = readTimestampHeader(headers)] = times;
  const presented = elements.filter(({ name }) => name === "v1").map(({ value }) => value);
  return present(scheme, presented, time, allowBodyOnly);
};

const readBare = (
  headers: ReadHeader,
  value: string,
  scheme: SignatureScheme,
  allowBodyOnly: boolean,
): SignatureReading => {
  const presented = value.split(",").map((part) => part.trim().replace(/^sha256\s*=\s*/i, ""));
  return present(scheme, presented, readTimestampHeader(headers), allowBodyOnly);
};

const readStandard = (headers: ReadHeader, value: string): SignatureReading => {
  const id = headers("webhook-id");
  const time = headers("webhook-timestamp")?.trim();
  if (id === undefined || time === undefined) return MISSING;
  // Printable ASCII only: the text is signed as bytes, and a header cannot carry more without guessing an encoding.
  if (id.length > MAX_MESSAGE_ID_CHARS || !/^[\x21-\x7e]+$/.test(id)) return MALFORMED;
  const presented = value
    .trim()
    .split(/\s+/)
    .filter((part) => part.startsWith("v1,"))
    .map((part) => part.slice("v1,".length).replace(/,$/, ""));
  const reading = present("standard-webhooks", presented, time, false);
  if (reading.kind === "refused") return reading;
  const { signature } = reading;
  return { kind: "presented", signature: { ...signature, prefix: `${id}.${signature.prefix}`, messageId: id } };
};

const readTimestampHeader = (headers: ReadHeader): string | undefined => {
  for (const name of TIMESTAMP_HEADERS) {
    const value = headers(name);
    if (value !== undefined) return value.trim();
  }
  return undefined;
};

const present = (
  scheme: SignatureScheme,
  presented: readonly string[],
  time: string | undefined,
  allowBodyOnly: boolean,
): SignatureReading => {
  if (presented.length > MAX_SIGNATURES) return MALFORMED;
  const signatures = presented.map(decodeSignature).filter((bytes) => bytes !== undefined);
  if (signatures.length === 0) return MALFORMED;
  if (time === undefined) {
    if (!allowBodyOnly) return MISSING;
    return { kind: "presented", signature: { scheme, prefix: "", signedAtMs: undefined, signatures } };
  }
  const signedAtMs = readTimestamp(time);
  if (signedAtMs === undefined) return MALFORMED;
  // The text as received is signed again: printing the number anew would lose leading zeros and milliseconds.
  return { kind: "presented", signature: { scheme, prefix: `${time}.`, signedAtMs, signatures } };
};

const decodeSignature = (text: string): Uint8Array | undefined => {
  const bytes = text.length === SIGNATURE_BYTES * 2 ? decodeHex(text) : decodeBase64(text);
  return bytes?.length === SIGNATURE_BYTES ? bytes : undefined;
};

/** Seconds, or milliseconds when there are 13 digits. */
const readTimestamp = (text: string): number | undefined => {
  if (!/^\d{1,13}$/.test(text)) return undefined;
  return text.length === 13 ? Number(text) : Number(text) * 1000;
};
