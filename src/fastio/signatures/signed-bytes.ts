import { createHmac, type KeyObject } from "node:crypto";

/**
 * HMAC-SHA256 over a prefix and the exact body, without joining them in memory.
 * @param prefix what the scheme puts before the body: `<timestamp>.`, `<id>.<timestamp>.`, or nothing
 */
export const computeSignature = (key: KeyObject, prefix: string, body: Uint8Array): Uint8Array =>
  createHmac("sha256", key).update(prefix, "utf8").update(body).digest();
