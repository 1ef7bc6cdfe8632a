import type { Context } from "hono";
import { messagePage } from "../dashboard/message-page.ts";

type Refusal = 400 | 401 | 403 | 404 | 409 | 429 | 502 | 503;

const TITLES: Readonly<Record<Refusal, string>> = {
  400: "Not understood",
  401: "Log in first",
  403: "Not allowed",
  404: "Not found",
  409: "Not done",
  429: "Too many tries",
  502: "No answer from upstream",
  503: "Not available",
};

/** Why something was not done: as JSON to programs, as a page to people. */
export function explain(
  context: Context,
  asJson: boolean,
  status: Refusal,
  message: string,
): Response | Promise<Response> {
  return asJson
    ? context.json({ error: message }, status)
    : context.html(messagePage(TITLES[status], message, context.get("reader")), status);
}
