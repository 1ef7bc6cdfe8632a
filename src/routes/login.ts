import type { Context, Hono } from "hono";
import { z } from "zod";
import { personName } from "../../handlers/person-name.ts";
import { loginPage } from "../dashboard/login-page.ts";
import { readLimitedBody } from "../read-body.ts";
import { explain } from "./explain.ts";
import { isFromOwnPage } from "./own-page.ts";
import { ownPath } from "./own-path.ts";
import { presentToken, TOO_MANY_TRIES } from "./present-token.ts";
import { type AccessDeps, FORGED, loginPath, WRONG_TOKEN, whyNobodyIsServed } from "./require-role.ts";
import { createSessionCookie } from "./session-cookie.ts";

const MAX_BODY_BYTES = 8_192;
const LoginForm = z.object({
  token: z.string().trim().default(""),
  name: z.string().optional(),
  next: z.string().optional(),
});

/** Where a browser shows a token once, and is known by a cookie from then on. */
export function mountLogin(app: Hono, deps: AccessDeps): void {
  const { access, clock, publicUrl } = deps;
  const cookie = createSessionCookie(deps);
  const isOwn = (context: Context): boolean => isFromOwnPage(context.req.raw, publicUrl);

  app.get("/login", (context) => {
    const refusal = whyNobodyIsServed(deps, context);
    if (refusal !== undefined) return explain(context, false, 503, refusal);
    const wanted = context.req.query("next");
    const next = ownPath(wanted);
    const session = cookie.read(context);
    if (wanted !== undefined && session !== undefined && access.findSession(session, clock.now()))
      return context.redirect(next, 303);
    context.header("cache-control", "no-store");
    const fault = context.req.query("wrong") === undefined ? undefined : WRONG_TOKEN;
    // Who follows a link from elsewhere is not known here: the browser keeps the cookie back until our own page asks.
    const isFromElsewhere = /^(cross-site|same-site)$/.test(context.req.header("sec-fetch-site") ?? "");
    if (isFromElsewhere && fault === undefined) context.header("refresh", `0; url=${loginPath(next)}`);
    return context.html(loginPage(next, fault));
  });

  app.post("/login", async (context) => {
    const refusal = whyNobodyIsServed(deps, context);
    if (refusal !== undefined) return explain(context, false, 503, refusal);
    if (!isOwn(context)) return explain(context, false, 403, FORGED);
    const form = await readForm(context);
    const next = ownPath(form?.next);
    const token = form && presentToken(deps, context, form.token);
    context.header("cache-control", "no-store");
    if (token === "wait") return context.html(loginPage(next, TOO_MANY_TRIES), 429);
    if (!form || !token) return context.html(loginPage(next, WRONG_TOKEN), 401);
    cookie.write(context, access.openSession(token, personName(form.name), clock.now()));
    return context.redirect(next, 303);
  });

  app.post("/logout", (context) => {
    if (!isOwn(context)) return explain(context, false, 403, FORGED);
    cookie.drop(context);
    return context.redirect("/login", 303);
  });
}

/** @returns undefined for what no form of ours sends */
async function readForm(context: Context): Promise<z.infer<typeof LoginForm> | undefined> {
  const read = await readLimitedBody(context.req.raw.body, MAX_BODY_BYTES);
  if (read.kind !== "bytes") return undefined;
  return LoginForm.safeParse(Object.fromEntries(new URLSearchParams(new TextDecoder().decode(read.bytes)))).data;
}
