import type { MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { CheckAccess } from "../../handlers/access.ts";
import type { Role } from "../config.ts";
import { explain } from "./explain.ts";
import { isFromOwnPage } from "./own-page.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** Whose token the request carries; set where one is required. */
    role: Role;
  }
}

export type AccessDeps = {
  readonly access: CheckAccess;
  /** Whether cookies may be sent over TLS only. */
  readonly secureCookies: boolean;
  /** Where people reach the relay; undefined: where they ask it. */
  readonly publicUrl: string | undefined;
};

const COOKIE = "relay_token";
const COOKIE_SECONDS = 12 * 3_600;
const FORGED =
  "This was sent from a page that is not the relay's own. Send it from there, or with Authorization: Bearer …; behind a proxy that changes the host, set PUBLIC_URL.";

/** Lets a role in by `Authorization: Bearer`, by cookie, or by a link with `?token=` that turns into the cookie. */
export function requireRole(deps: AccessDeps, role: Role): MiddlewareHandler {
  return async function checkRole(context, next) {
    const url = new URL(context.req.url);
    const linked = context.req.method === "GET" ? url.searchParams.get("token") : null;
    const bearer = /^Bearer (.+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
    const verdict = deps.access(bearer ?? linked ?? getCookie(context, COOKIE), role);
    const asJson = url.pathname.startsWith("/api/");
    switch (verdict.kind) {
      case "allowed":
        if (linked !== null && !bearer) {
          setCookie(context, COOKIE, linked, {
            httpOnly: true,
            sameSite: "Strict",
            secure: deps.secureCookies,
            path: "/",
            maxAge: COOKIE_SECONDS,
          });
          url.searchParams.delete("token");
          return context.redirect(`${url.pathname}${url.search}`, 303);
        }
        if (!bearer && !isFromOwnPage(context.req.raw, deps.publicUrl)) return explain(context, asJson, 403, FORGED);
        context.set("role", verdict.role);
        return next();
      case "unconfigured":
        return explain(
          context,
          asJson,
          503,
          "Nobody can log in yet: set RELAY_TOKENS, e.g. RELAY_TOKENS=operator:<16 or more random characters>, and start the relay again.",
        );
      case "unknown":
        deleteCookie(context, COOKIE);
        return explain(
          context,
          asJson,
          401,
          "A token is needed: open this page with ?token=… once, or send Authorization: Bearer ….",
        );
      case "forbidden":
        return explain(
          context,
          asJson,
          403,
          `This needs the role ${role}; the token given has the role ${verdict.role}.`,
        );
      default:
        return verdict satisfies never;
    }
  };
}
