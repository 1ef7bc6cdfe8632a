import type { Context, Hono } from "hono";
import { messagePage } from "../dashboard/message-page.ts";
import { isAskedByBrowser } from "./require-role.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** What a path may be asked by, HEAD wherever GET is; empty where there is no such path. */
export const allowedMethods = ({ router }: Pick<Hono, "router">, path: string): readonly string[] =>
  METHODS.filter((method) => router.match(method, path)[0].some(([[, route]]) => route.method === method)).flatMap(
    (method) => (method === "GET" ? ["GET", "HEAD"] : [method]),
  );

/**
 * The answer to what no route took, where its path is asked by other methods: 405 and which they are. OPTIONS asks for
 * nothing else, and has them with 204.
 * @returns undefined when there is no such path, or nothing there for a method that it is asked by
 */
export function wrongMethod(app: Pick<Hono, "router">, context: Context): Response | Promise<Response> | undefined {
  const allowed = allowedMethods(app, context.req.path);
  // Its route found nothing, such as no file of that name.
  if (allowed.length === 0 || allowed.includes(context.req.method)) return undefined;
  const named = allowed.join(", ");
  context.header("allow", named);
  if (context.req.method === "OPTIONS") return context.body(null, 204);
  if (!isAskedByBrowser(context)) return context.json({ error: `this is asked by ${named}` }, 405);
  const message = "There is nothing to look at here; it is where a form is sent.";
  return context.html(messagePage("Nothing to see", message, undefined), 405);
}
