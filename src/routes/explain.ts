import type { Context } from "hono";
import { messagePage } from "../dashboard/message-page.ts";

/** Why something was not done: as JSON to programs, as a page to people. */
export function explain(
  context: Context,
  asJson: boolean,
  status: 400 | 401 | 403 | 404 | 409 | 429 | 502 | 503,
  message: string,
): Response | Promise<Response> {
  return asJson
    ? context.json({ error: message }, status)
    : context.html(messagePage(message, context.get("reader")), status);
}
