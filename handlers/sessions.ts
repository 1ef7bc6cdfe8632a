import { createHmac, timingSafeEqual } from "node:crypto";

/** What a cookie says of a login. */
export type Session = {
  /** Which token it was made with; see `KnownToken`. */
  readonly print: string;
  readonly name: string | null;
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number;
};

/** How long a login lasts. */
export const SESSION_MS = 12 * 3_600_000;

/** Print, end, name and signature; none of them has a dot. */
const SHAPE = /^([\w-]{16})\.([0-9a-z]{1,9})\.([\w-]{0,400})\.([\w-]{43})$/;

/** @param key of the token it was made with @returns the value of the cookie */
export function signSession({ print, name, expiresAtMs }: Session, key: Buffer): string {
  const said = `${print}.${expiresAtMs.toString(36)}.${Buffer.from(name ?? "").toString("base64url")}`;
  return `${said}.${signatureOf(said, key).toString("base64url")}`;
}

/**
 * Nothing is kept of a login but this cookie, so that any process with the same tokens knows it.
 * @param keyOf the key of a token by its print; undefined: there is no such token any more
 * @returns undefined when it is not ours, has ended, or its token was taken away
 */
export function readSession(
  cookie: string,
  keyOf: (print: string) => Buffer | undefined,
  nowMs: number,
): Session | undefined {
  const [, print = "", end = "", name = "", signature = ""] = SHAPE.exec(cookie) ?? [];
  const key = keyOf(print);
  if (key === undefined) return undefined;
  const expected = signatureOf(`${print}.${end}.${name}`, key);
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const expiresAtMs = Number.parseInt(end, 36);
  if (expiresAtMs <= nowMs) return undefined;
  return { print, name: name === "" ? null : Buffer.from(name, "base64url").toString(), expiresAtMs };
}

const signatureOf = (said: string, key: Buffer): Buffer => createHmac("sha256", key).update(said).digest();
