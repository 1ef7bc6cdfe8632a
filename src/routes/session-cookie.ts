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

/** @param isSecure whether browsers reach the relay over TLS only */
export function createSessionCookie(isSecure: boolean): SessionCookie {
  const options = {
    httpOnly: true,
    sameSite: "Strict",
    secure: isSecure,
    path: "/",
    ...(isSecure && { prefix: "host" as const }),
  } as const;
  return {
    read: (context) => (isSecure ? getCookie(context, COOKIE, "host") : getCookie(context, COOKIE)),
    write: (context, value) => setCookie(context, COOKIE, value, { ...options, maxAge: SESSION_MS / 1_000 }),
    drop: (context) => {
      deleteCookie(context, COOKIE, options);
    },
  };
}
