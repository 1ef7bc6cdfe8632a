import type { Context, Hono, NotFoundHandler } from "hono";
import { messagePage } from "../dashboard/message-page.ts";
import { withoutEndSlashes } from "../text/without-end.ts";
import { isAskedByBrowser } from "./require-role.ts";
import { allowedMethods, wrongMethod } from "./wrong-method.ts";

/**
 * What has no route: what is asked by other methods says so, and with a slash too many leads to where it is without;
 * else a page with the way back to people, logged in or not, and a line to programs.
 */
export const nothingThere =
  (app: Pick<Hono, "router">): NotFoundHandler =>
  (context) => {
    const answer = wrongMethod(app, context) ?? withoutSlash(app, context);
    if (answer !== undefined) return answer;
    return isAskedByBrowser(context)
      ? context.html(messagePage("Not found", "There is no such page.", undefined), 404)
      : context.json({ error: "no such route" }, 404);
  };

function withoutSlash(app: Pick<Hono, "router">, context: Context): Response | undefined {
  const { pathname, search } = new URL(context.req.url);
  const path = withoutEndSlashes(pathname);
  // A path that begins with two slashes is another host to browsers.
  if (path === pathname || !/^\/[^/\\]/.test(path)) return undefined;
  const { method } = context.req;
  const isThere = (method === "GET" || method === "HEAD") && allowedMethods(app, path).includes(method);
  return isThere ? context.redirect(`${path}${search}`, 308) : undefined;
}
