import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { SESSION_MS } from "../../handlers/sessions.ts";

const COOKIE = "relay_session";

/** The login of a browser; over TLS under a name that no other host or port of the same domain can write. */
export type SessionCookie = {
  read(context: Context): string | undefined;
  write(context: Context, value: string): void;
  drop(context: Context): void;
};

export type TlsSigns = {
  /** Where people reach the relay; undefined: where they ask it. */
  readonly publicUrl: string | undefined;
  /** Whether what a proxy says of TLS is to be believed. */
  readonly trustsProxy: boolean;
};

/** Whether a request came over TLS, as far as is known: the relay itself speaks none. */
export const isOverTls = (context: Context, { publicUrl, trustsProxy }: TlsSigns): boolean =>
  publicUrl?.startsWith("https:") === true ||
  (trustsProxy && /^https\s*(,|$)/i.test(context.req.header("x-forwarded-proto") ?? ""));

export function createSessionCookie(signs: TlsSigns): SessionCookie {
  const isSecure = (context: Context): boolean => isOverTls(context, signs);
  const optionsFor = (context: Context) =>
    ({
      httpOnly: true,
      sameSite: "Strict",
      path: "/",
      ...(isSecure(context) && { secure: true, prefix: "host" as const }),
    }) as const;
  return {
    read: (context) => (isSecure(context) ? getCookie(context, COOKIE, "host") : getCookie(context, COOKIE)),
    write: (context, value) =>
      setCookie(context, COOKIE, value, { ...optionsFor(context), maxAge: SESSION_MS / 1_000 }),
    drop: (context) => {
      deleteCookie(context, COOKIE, optionsFor(context));
    },
  };
}
