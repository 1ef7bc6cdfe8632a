import { createSecretKey, type KeyObject } from "node:crypto";
import { PermanentError } from "../../errors.ts";
import { decodeBase64 } from "../../text/base64.ts";

/** How the HMAC key was made of the secret's text. */
export type KeyForm = "literal" | "stripped" | "hex" | "base64";

export type SigningKey = {
  readonly form: KeyForm;
  readonly bytes: Uint8Array;
  /** The same, made ready once: to make it of the bytes for each check computes three times as long as the check. */
  readonly key: KeyObject;
};

const keyOf = (form: KeyForm, bytes: Uint8Array): SigningKey => ({ form, bytes, key: createSecretKey(bytes) });

/** Below this a secret can be guessed, whatever it was meant to be. */
const MIN_LITERAL_BYTES = 8;
/** Below this a decoding is more likely an accident than a key; a key of no bytes would let anybody sign. */
const MIN_DERIVED_BYTES = 16;
export const MAX_SECRETS = 10;
const PREFIX = "whsec_";

/** Bytes of an even number of hex digits, either case; undefined when it is anything else. */
export const decodeHex = (text: string): Uint8Array | undefined =>
  /^(?:[0-9a-f]{2})+$/i.test(text)
    ? Uint8Array.from({ length: text.length / 2 }, (_, index) =>
        Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
      )
    : undefined;

/**
 * The keys one secret may stand for, likeliest first: its text, and, because no source says which, the text after
 * `whsec_` and what that text decodes to. A secret too short to be one gives none.
 */
export const deriveKeys = (secret: string): readonly SigningKey[] => {
  const keys: SigningKey[] = [];
  const literal = new TextEncoder().encode(secret);
  if (secret.trim() === "" || literal.length < MIN_LITERAL_BYTES) return keys;
  keys.push(keyOf("literal", literal));
  const stripped = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const derived: readonly (readonly [KeyForm, Uint8Array | undefined])[] = [
    ["stripped", stripped === secret ? undefined : new TextEncoder().encode(stripped)],
    ["hex", decodeHex(stripped)],
    ["base64", decodeBase64(stripped)],
  ];
  for (const [form, bytes] of derived) {
    if (bytes !== undefined && bytes.length >= MIN_DERIVED_BYTES) keys.push(keyOf(form, bytes));
  }
  return keys;
};

/**
 * For start-up: every configured secret must be usable.
 * @throws {PermanentError} `config_invalid`, naming positions (first is 1) and never a secret
 */
export const checkSecrets = (secrets: readonly string[], setting = "FASTIO_WEBHOOK_SECRETS"): void => {
  const faults: string[] = [];
  if (secrets.length > MAX_SECRETS) faults.push(`${secrets.length} secrets, at most ${MAX_SECRETS} can be live`);
  for (const [index, secret] of secrets.entries()) {
    if (secret.trim() === "") faults.push(`secret ${index + 1} is empty`);
    else if (secret !== secret.trim()) faults.push(`secret ${index + 1} begins or ends with a space`);
    else if (deriveKeys(secret).length === 0) {
      faults.push(`secret ${index + 1} is shorter than ${MIN_LITERAL_BYTES} bytes`);
    } else if (secret.startsWith(PREFIX) && secret.length - PREFIX.length < MIN_DERIVED_BYTES) {
      faults.push(`secret ${index + 1} has fewer than ${MIN_DERIVED_BYTES} characters after ${PREFIX}`);
    }
  }
  if (faults.length === 0) return;
  throw new PermanentError("config_invalid", `${setting}: ${faults.join("; ")}`, { failure: "misconfigured" });
};
