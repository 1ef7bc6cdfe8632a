import type { Context, MiddlewareHandler } from "hono";
import { type Identity, isEnough, type KnownToken, whoOf } from "../../handlers/access.ts";
import { nameOfHeader, OPERATOR_HEADER } from "../../handlers/person-name.ts";
import type { Role } from "../config.ts";
import type { Reader } from "../dashboard/layout.ts";
import { explain } from "./explain.ts";
import { isFromOwnPage } from "./own-page.ts";
import { ownPath } from "./own-path.ts";
import { isFromThisMachine } from "./peer.ts";
import { presentToken, TOO_MANY_TRIES, type TokenDeps } from "./present-token.ts";
import { createSessionCookie } from "./session-cookie.ts";

declare module "hono" {
  /** Set where a role is required. */
  interface ContextVariableMap {
    role: Role;
    /** As it is written down beside what they do, such as `operator anna`. */
    who: string;
    /** For the frame of the page. */
    reader: Reader;
  }
}

export type AccessDeps = TokenDeps & {
  /** Where people reach the relay; undefined: where they ask it. */
  readonly publicUrl: string | undefined;
  /** Whether what a proxy says of TLS is to be believed. */
  readonly trustsProxy: boolean;
  /** Why pages are not served to other machines; undefined: they are. */
  readonly refusal: string | undefined;
  /** How many alerts are open; must not reject. */
  readonly countAlerts: () => Promise<number>;
};

export const FORGED =
  "This was sent from a page that is not the relay's own. Send it from there, or with Authorization: Bearer …; behind a proxy that changes the host, set PUBLIC_URL.";
const UNCONFIGURED =
  "Nobody can log in yet: set RELAY_TOKENS, e.g. RELAY_TOKENS=operator:<16 or more random characters>, and start the relay again.";
export const WRONG_TOKEN = "That is no token of this relay.";
const NEEDED = "A token is needed: log in at /login, or send Authorization: Bearer ….";

/** Lets a role in by `Authorization: Bearer`, by the cookie of a login, or by a link with `?token=` that turns into one. */
export function requireRole(deps: AccessDeps, role: Role): MiddlewareHandler {
  const { access, clock, publicUrl } = deps;
  const cookie = createSessionCookie(deps);
  return async function checkRole(context, next) {
    const asJson = !isAskedByBrowser(context);
    const refusal = whyNobodyIsServed(deps, context);
    if (refusal !== undefined) return explain(context, asJson, 503, refusal);
    // What only those with a token may read stays in no cache; the parts of bull-board's own page are no secret.
    if (!context.req.path.startsWith("/queues/static/")) context.header("cache-control", "no-store");

    const bearer = /^Bearer (.+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
    // A link is followed by a person: what a foreign page loads as a picture is no try of theirs.
    const isFollowed = ["document", undefined].includes(context.req.header("sec-fetch-dest"));
    const linked = context.req.method === "GET" && !bearer && isFollowed ? context.req.query("token") : undefined;
    if (linked !== undefined) {
      const token = presentToken(deps, context, linked);
      if (token === "wait") return explain(context, asJson, 429, TOO_MANY_TRIES);
      if (!token) return turnAway(context, asJson, "wrong");
      cookie.write(context, access.openSession(token, null, clock.now()));
      return context.redirect(ownPath(pathOf(context)), 303);
    }
    const session = cookie.read(context);
    const token = bearer === undefined ? undefined : presentToken(deps, context, bearer);
    if (token === "wait") return explain(context, asJson, 429, TOO_MANY_TRIES);
    const identity = bearer ? token && bearerOf(context, token) : session && access.findSession(session, clock.now());
    if (!identity) {
      if (!bearer && session !== undefined) cookie.drop(context);
      return turnAway(context, asJson);
    }
    const alerts = asJson ? 0 : await deps.countAlerts();
    // Before anything is refused: the page that says so has the way to what they may see.
    context.set("reader", { ...identity, path: context.req.path, atMs: clock.now(), alerts });
    if (!isEnough(identity.role, role)) {
      return explain(
        context,
        asJson,
        403,
        `This needs the role ${role}; the token given has the role ${identity.role}.${asJson ? "" : " To use another token, log out first."}`,
      );
    }
    if (!bearer && !isFromOwnPage(context.req.raw, publicUrl)) return explain(context, asJson, 403, FORGED);
    context.set("role", identity.role);
    context.set("who", whoOf(identity));
    return next();
  };
}

const pathOf = ({ req }: Context): string => {
  const { pathname, search } = new URL(req.url);
  return `${pathname}${search}`;
};

/** Programs are told what is wrong; people are led to where they can mend it. */
export const isAskedByBrowser = ({ req }: Context): boolean =>
  !req.path.startsWith("/api/") &&
  req.header("authorization") === undefined &&
  (req.header("accept") ?? "").includes("text/html");

/** @param next a path of ours */
export const loginPath = (next: string): string => `/login?${new URLSearchParams({ next })}`;

const bearerOf = (context: Context, { role }: KnownToken): Identity => ({
  role,
  name: nameOfHeader(context.req.header(OPERATOR_HEADER)),
});

/** Before anybody is asked for a token: there may be none, or the way it would take is open to others. */
export function whyNobodyIsServed(
  { access, refusal }: Pick<AccessDeps, "access" | "refusal">,
  context: Context,
): string | undefined {
  if (!access.isConfigured) return UNCONFIGURED;
  return isFromThisMachine(context) ? undefined : refusal;
}

/** Who is not known goes to the login, and afterwards where they wanted to go: of a form, to the page it stood on. */
function turnAway(context: Context, asJson: boolean, why?: "wrong"): Response | Promise<Response> {
  if (asJson) {
    context.header("www-authenticate", 'Bearer realm="relay"');
    return explain(context, true, 401, NEEDED);
  }
  const isPage = context.req.method === "GET" || context.req.method === "HEAD";
  const next = ownPath(isPage ? pathOf(context) : refererOf(context));
  return context.redirect(`${loginPath(next)}${why === undefined ? "" : `&${why}`}`, 303);
}

function refererOf(context: Context): string | undefined {
  const referer = URL.parse(context.req.header("referer") ?? "");
  return referer ? `${referer.pathname}${referer.search}` : undefined;
}
