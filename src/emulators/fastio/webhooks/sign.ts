import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import type { KeyForm, Scheme } from "../store/hooks.ts";

export type SignInput = {
  readonly scheme: Scheme;
  readonly secret: string;
  /** A second live secret, whose signature goes along. */
  readonly alsoSecret?: string | undefined;
  readonly keyForm: KeyForm;
  /** Exact bytes of the body. */
  readonly body: Buffer;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Delivery id; part of what the `standard` scheme signs. */
  readonly messageId: string;
};

const keyOf = (secret: string, form: KeyForm): Buffer =>
  form === "decoded" ? Buffer.from(secret.replace(/^whsec_/, ""), "base64") : Buffer.from(secret, "utf8");

/** Keys that were made before, by form and secret: to make one computes five times as long as to sign with it. */
export type ReadyKeys = Map<string, KeyObject>;

function readyKey(secret: string, form: KeyForm, ready: ReadyKeys): KeyObject {
  const name = `${form} ${secret}`;
  const key = ready.get(name) ?? createSecretKey(keyOf(secret, form));
  ready.set(name, key);
  return key;
}

/**
 * Signature headers of a delivery. All schemes are HMAC-SHA256 over a timestamp, a dot and the raw body:
 * D1 `Fastio-Signature: t=…,v1=<base64>`, D2 and D3 `X-Fastio-Signature: sha256=<hex>` beside
 * `X-Fastio-Timestamp`, `standard` the three headers of Standard Webhooks.
 */
export function signatureHeaders(input: SignInput, readyKeys: ReadyKeys = new Map()): Record<string, string> {
  const { scheme, timestamp, messageId } = input;
  const secrets = [input.secret, ...(input.alsoSecret === undefined ? [] : [input.alsoSecret])];
  const macs = (prefix: string, encoding: "base64" | "hex"): readonly string[] =>
    secrets.map((secret) =>
      createHmac("sha256", readyKey(secret, input.keyForm, readyKeys))
        .update(prefix)
        .update(input.body)
        .digest(encoding),
    );
  switch (scheme) {
    case "D1":
      return {
        "fastio-signature": [`t=${timestamp}`, ...macs(`${timestamp}.`, "base64").map((mac) => `v1=${mac}`)].join(","),
      };
    case "D2":
    case "D3":
      return {
        "x-fastio-signature": macs(`${timestamp}.`, "hex")
          .map((mac) => `sha256=${mac}`)
          .join(","),
        "x-fastio-timestamp": String(timestamp),
      };
    case "standard":
      return {
        "webhook-id": messageId,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": macs(`${messageId}.${timestamp}.`, "base64")
          .map((mac) => `v1,${mac}`)
          .join(" "),
      };
    case "none":
      return {};
    default:
      return scheme satisfies never;
  }
}
