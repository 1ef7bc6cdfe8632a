import { createHmac } from "node:crypto";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A signed JSON web token (HS256), the form in which Fast.io hands out sessions. Times are Unix seconds. */
export function makeJwt(key: string, claims: Readonly<Record<string, unknown>>): string {
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${body}.${createHmac("sha256", key).update(body).digest("base64url")}`;
}
