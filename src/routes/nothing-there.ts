import type { NotFoundHandler } from "hono";
import { html } from "hono/html";
import { messagePage } from "../dashboard/message-page.ts";
import { isAskedByBrowser } from "./require-role.ts";

/** What has no route: a page with the way back to people, logged in or not, and a line to programs. */
export const nothingThere: NotFoundHandler = (context) =>
  isAskedByBrowser(context)
    ? context.html(messagePage(html`There is no such page. <a href="/">Go to the overview</a>`, undefined), 404)
    : context.json({ error: "no such route" }, 404);
