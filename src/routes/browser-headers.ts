import type { Context, MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { isOverTls, type TlsSigns } from "./session-cookie.ts";

/** A year, as OWASP ASVS 5.0 asks for (3.4.1). */
export const HSTS = "max-age=31536000; includeSubDomains";

const HEADERS = {
  // Under `no-referrer` browsers send the forms of our own pages with `Origin: null`, as if they were others'.
  referrerPolicy: "same-origin",
  xFrameOptions: "DENY",
  strictTransportSecurity: false,
  permissionsPolicy: { camera: false, microphone: false, geolocation: false, payment: false, usb: false },
} as const;
/** Our pages are text, one style sheet and one script, all from here. */
const PAGE_POLICY = {
  defaultSrc: ["'none'"],
  styleSrc: ["'self'"],
  scriptSrc: ["'self'"],
  connectSrc: ["'self'"],
  imgSrc: ["'self'", "data:"],
  objectSrc: ["'none'"],
  formAction: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
};
/** bull-board brings scripts of its own. */
const BOARD_POLICY = {
  defaultSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", "data:"],
  objectSrc: ["'none'"],
  baseUri: ["'self'"],
  frameAncestors: ["'none'"],
};

/** What browsers are told of every answer: to read it as what it is, from here alone, and to keep nothing of it. */
export function browserHeaders(signs: TlsSigns): MiddlewareHandler {
  const forPages = secureHeaders({ ...HEADERS, contentSecurityPolicy: PAGE_POLICY });
  const forBoard = secureHeaders({ ...HEADERS, contentSecurityPolicy: BOARD_POLICY });
  return async function addBrowserHeaders(context: Context, next) {
    const { path } = context.req;
    await (/^\/queues(\/|$)/.test(path) ? forBoard : forPages)(context, next);
    if (isOverTls(context, signs)) context.header("strict-transport-security", HSTS);
    // What may be kept says so; the parts of bull-board's own page are no secret.
    if (!context.res.headers.has("cache-control") && !path.startsWith("/queues/static/"))
      context.header("cache-control", "no-store");
    // The rest of the body is not read, so nothing can follow it: who keeps connections must not send more on this one.
    if (context.res.status === 413) context.header("connection", "close");
  };
}
