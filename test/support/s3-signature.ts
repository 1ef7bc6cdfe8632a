import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** A refusal in S3's words. */
export type S3Refusal = { readonly status: number; readonly code: string; readonly region?: string };

export type SignedRequest = {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly body: Buffer;
};

export type SignatureRules = {
  readonly region: string;
  readonly nowMs: number;
  readonly secretOf: (accessKeyId: string) => string | undefined;
};

const MAX_SKEW_MS = 15 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/s3\/aws4_request,\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/;

const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();

/**
 * Checks a request as S3 does; the order of its complaints is S3's too.
 * @returns whose key it is, or the refusal
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html read on 2026-11-22
 */
export function checkS3Signature(signed: SignedRequest, rules: SignatureRules): string | S3Refusal {
  const { headers, method } = signed.request;
  const header = (name: string): string => [headers[name] ?? ""].flat().join(",");
  const [, accessKeyId = "", day = "", region = "", names = "", signature = ""] =
    AUTHORIZATION.exec(header("authorization")) ?? [];
  if (accessKeyId === "") return { status: 403, code: "AccessDenied" };
  if (region !== rules.region) return { status: 400, code: "AuthorizationHeaderMalformed", region: rules.region };
  const secret = rules.secretOf(accessKeyId);
  if (secret === undefined) return { status: 403, code: "InvalidAccessKeyId" };
  const stamp = header("x-amz-date");
  const sentMs = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!stamp.startsWith(day) || Number.isNaN(sentMs)) return { status: 403, code: "AccessDenied" };
  if (Math.abs(sentMs - rules.nowMs) > MAX_SKEW_MS) return { status: 403, code: "RequestTimeTooSkewed" };
  const covered = names.split(";");
  const mustBe = ["host", ...Object.keys(headers).filter((name) => name.startsWith("x-amz-"))];
  if (mustBe.some((name) => !covered.includes(name))) return { status: 403, code: "AccessDenied" };

  const hash = header("x-amz-content-sha256");
  const canonical = [
    method,
    canonicalPath(signed.url.pathname),
    canonicalQuery(signed.url.searchParams),
    ...covered.map((name) => `${name}:${header(name).trim().replace(/ +/g, " ")}`),
    "",
    names,
    hash,
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = ["s3", "aws4_request"].reduce(hmac, hmac(hmac(`AWS4${secret}`, day), region));
  const expected = hmac(key, ["AWS4-HMAC-SHA256", stamp, scope, sha256(canonical)].join("\n"));
  if (!timingSafeEqual(expected, Buffer.from(signature, "hex"))) return { status: 403, code: "SignatureDoesNotMatch" };
  if (hash !== "UNSIGNED-PAYLOAD" && hash !== sha256(signed.body)) {
    return { status: 400, code: "XAmzContentSHA256Mismatch" };
  }
  return accessKeyId;
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const canonicalPath = (path: string): string =>
  path
    .split("/")
    .map((piece) => encode(decodeURIComponent(piece)))
    .join("/");

const canonicalQuery = (query: URLSearchParams): string =>
  [...query]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
