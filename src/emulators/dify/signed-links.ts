import { createHmac, timingSafeEqual } from "node:crypto";
import type { Random } from "../kit/random.ts";
import type { ScaledTime } from "../kit/time.ts";
import { FILE_LINK_LIFE_MS } from "./defaults.ts";

export type SignedLinks = {
  /** Link to an uploaded file. */
  upload(id: string): string;
  /** Link to a file made by a run; the extension has its dot. */
  tool(id: string, extension: string): string;
  check(id: string, query: URLSearchParams): "valid" | "refused" | "incomplete";
};

/**
 * Signs and checks file links as Dify does: HMAC-SHA256 over `file-preview|id|timestamp|nonce`, good for 300 s
 * (scaled) from the moment of signing, never renewed.
 *
 * @param base origin before `/files`, asked for at each signing; empty for links without a host
 */
export function createSignedLinks({
  secret,
  base,
  time,
  random,
}: {
  secret: string;
  base: () => string;
  time: ScaledTime;
  random: Random;
}): SignedLinks {
  const sign = (id: string, timestamp: string, nonce: string) => {
    const digest = createHmac("sha256", secret).update(`file-preview|${id}|${timestamp}|${nonce}`).digest("base64");
    // URL-safe with its padding, as Python's urlsafe_b64encode leaves it.
    return digest.replaceAll("+", "-").replaceAll("/", "_");
  };
  const stamp = (id: string) => {
    const timestamp = String(Math.floor(time.now() / 1000));
    const nonce = random.hex(32);
    return { timestamp, nonce, sign: sign(id, timestamp, nonce) };
  };
  return {
    upload: (id) => `${base()}/files/${id}/file-preview?${new URLSearchParams(stamp(id))}`,
    tool: (id, extension) => {
      const parts = stamp(id);
      // Not encoded: the padding stays as it is.
      return `${base()}/files/tools/${id}${extension}?timestamp=${parts.timestamp}&nonce=${parts.nonce}&sign=${parts.sign}`;
    },
    check(id, query) {
      const [timestamp, nonce, given] = ["timestamp", "nonce", "sign"].map((name) => query.get(name));
      if (!timestamp || !nonce || !given) return "incomplete";
      const expected = Buffer.from(sign(id, timestamp, nonce));
      const actual = Buffer.from(given);
      if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return "refused";
      const ageSeconds = Math.floor(time.now() / 1000) - Number(timestamp);
      return ageSeconds * 1000 <= time.span(FILE_LINK_LIFE_MS) ? "valid" : "refused";
    },
  };
}
