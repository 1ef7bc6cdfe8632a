import type { Hono, MiddlewareHandler } from "hono";
import type { ReadEvents } from "../../handlers/read-events.ts";
import { eventPage, eventsPage } from "../dashboard/event-pages.ts";
import { explain } from "./explain.ts";

const EVENT_KEY = "ev-[A-Za-z0-9_-]{1,64}";

/** What became of a file, whether a rule wanted it or not. */
export function mountEvents(app: Hono, viewer: MiddlewareHandler, events: ReadEvents): void {
  app.get("/events", viewer, async (context) =>
    context.html(eventsPage(await events.list(context.req.query()), context.get("reader"))),
  );
  app.get("/api/events", viewer, async (context) => context.json(await events.list(context.req.query())));
  for (const base of ["/events", "/api/events"] as const) {
    const asJson = base === "/api/events";
    app.get(`${base}/:key{${EVENT_KEY}}`, viewer, async (context) => {
      const story = await events.story(context.req.param("key") ?? "");
      if (!story) return explain(context, asJson, 404, "There is no such event.");
      return asJson ? context.json(story) : context.html(eventPage(story, context.get("reader")));
    });
  }
}
