import type { Hono } from "hono";
import { z } from "zod";
import { EventList, EventStory, EventsQuery, type ReadEvents } from "../../handlers/read-events.ts";
import { eventPage, eventsPage } from "../dashboard/event-pages.ts";
import type { Guards, MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";
import { readQueryTolerantly } from "./api/read-asked.ts";
import { explain } from "./explain.ts";

const EVENT_KEY = "ev-[A-Za-z0-9_-]{1,64}";
const NO_SUCH_EVENT = "There is no such event.";

const LIST_EVENTS = operation({
  id: "listEvents",
  method: "get",
  path: "/api/events",
  tag: "events",
  role: "viewer",
  summary: "Events, newest first, of one file or of all",
  description: "An event is one fact about a file that Fast.io told, whether a rule wanted it or not.",
  query: EventsQuery,
  answers: { 200: { description: "A page of events", schema: EventList } },
});

const READ_EVENT = operation({
  id: "readEvent",
  method: "get",
  path: "/api/events/{key}",
  tag: "events",
  role: "viewer",
  summary: "What became of one event",
  description: "The runs it made, and why each rule made none.",
  params: z.object({
    key: z
      .string()
      .regex(new RegExp(`^${EVENT_KEY}$`))
      .describe("Key of the event"),
  }),
  answers: { 200: { description: "The event", schema: EventStory } },
  refusals: { 404: NO_SUCH_EVENT },
});

export const EVENT_OPERATIONS = [LIST_EVENTS, READ_EVENT];

/** What became of a file, whether a rule wanted it or not. */
export function mountEvents(app: Hono, mount: MountOperation, { viewer }: Guards, events: ReadEvents): void {
  mount(LIST_EVENTS, async ({ query }) => ({ status: 200, body: await events.list(query) }));
  mount(READ_EVENT, async ({ params: { key } }) => {
    const story = await events.story(key);
    return story ? { status: 200, body: story } : { status: 404, error: NO_SUCH_EVENT };
  });
  app.get("/events", viewer, async (context) => {
    const asked = new URL(context.req.url).searchParams;
    // Of each file that is delivered come half a dozen events that nobody looks for.
    if (!asked.has("which")) asked.set("which", "asked");
    const query = readQueryTolerantly(EventsQuery, asked);
    return context.html(eventsPage(await events.list(query), query, context.get("reader")));
  });
  app.get(`/events/:key{${EVENT_KEY}}`, viewer, async (context) => {
    const story = await events.story(context.req.param("key") ?? "");
    return story ? context.html(eventPage(story, context.get("reader"))) : explain(context, false, 404, NO_SUCH_EVENT);
  });
}
