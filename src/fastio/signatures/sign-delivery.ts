import type { KeyObject } from "node:crypto";
import { PermanentError } from "../../errors.ts";
import { encodeBase64 } from "../../text/base64.ts";
import { deriveKeys, type KeyForm } from "./derive-keys.ts";
import type { SignatureScheme } from "./read-signature.ts";
import { computeSignature } from "./signed-bytes.ts";

export type SignWish = {
  readonly scheme: SignatureScheme | "unsigned";
  /** One secret, or several when the receiver may know only the old or only the new one. Ignored when unsigned. */
  readonly secrets: readonly string[];
  readonly body: Uint8Array;
  /** Milliseconds since the Unix epoch; sent as seconds. */
  readonly nowMs: number;
  /** The delivery's id, printable ASCII; required by `standard-webhooks`, a hint for the others. */
  readonly id?: string;
  /** How to make the key of the secret; default: decoded base64 for `standard-webhooks` where it decodes, else its text. */
  readonly keyForm?: KeyForm;
};

/**
 * Headers (lower-case names) that make a delivery acceptable to `createVerifier`.
 * @throws {PermanentError} `config_invalid` when there is no secret, or one cannot give the key form asked for
 */
export const signDelivery = ({
  scheme,
  secrets,
  body,
  nowMs,
  id,
  keyForm,
}: SignWish): Readonly<Record<string, string>> => {
  const hint = id === undefined ? {} : { "x-fastio-delivery": id };
  const time = String(Math.floor(nowMs / 1000));
  const sign = (signedScheme: SignatureScheme, prefix: string): readonly Uint8Array[] => {
    if (secrets.length === 0) throw invalid("signing needs a secret");
    return secrets.map((secret) => computeSignature(pickKey(secret, signedScheme, keyForm), prefix, body));
  };
  switch (scheme) {
    case "unsigned":
      return hint;
    case "fastio-signature": {
      const values = sign(scheme, `${time}.`).map((bytes) => `v1=${encodeBase64(bytes)}`);
      return { "fastio-signature": [`t=${time}`, ...values].join(","), ...hint };
    }
    case "x-fastio-signature": {
      const values = sign(scheme, `${time}.`).map((bytes) => `sha256=${toHex(bytes)}`);
      return { "x-fastio-signature": values.join(", "), "x-fastio-timestamp": time, ...hint };
    }
    case "standard-webhooks": {
      if (id === undefined) throw invalid("standard-webhooks signs an id, and none was given");
      const values = sign(scheme, `${id}.${time}.`).map((bytes) => `v1,${encodeBase64(bytes)}`);
      return { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": values.join(" ") };
    }
  }
};

const pickKey = (secret: string, scheme: SignatureScheme, form: KeyForm | undefined): KeyObject => {
  const keys = deriveKeys(secret);
  const wanted: readonly KeyForm[] =
    form === undefined ? (scheme === "standard-webhooks" ? ["base64", "literal"] : ["literal"]) : [form];
  for (const candidate of wanted) {
    const key = keys.find((each) => each.form === candidate);
    if (key !== undefined) return key.key;
  }
  throw invalid(`the secret gives no ${wanted.join(" or ")} key`);
};

const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const invalid = (message: string) => new PermanentError("config_invalid", message, { failure: "misconfigured" });
