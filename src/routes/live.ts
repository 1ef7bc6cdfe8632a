import { z } from "zod";
import type { Listener, News, NewsDesk } from "../../handlers/news-desk.ts";
import type { Clock } from "../clock.ts";
import type { MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";

/** How long one answer lasts: who listens on asks again, and shows that they still may. */
const LONGEST_MS = 10 * 60_000;
const RETRY_AFTER_SECONDS = "30";

const LISTEN = operation({
  id: "listen",
  method: "get",
  path: "/api/live",
  tag: "live",
  role: "viewer",
  summary: "What changes, as it does",
  description:
    "Server-sent events: `news` with topics and ids of runs (null: more than are named, or nobody knows which), and `beat` when nothing changes. An answer ends after ten minutes; ask again.",
  query: z.strictObject({
    since: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe("What changed after this counts as news, in milliseconds since the Unix epoch; absent: from now on"),
  }),
  answers: {
    200: {
      description: "The events",
      mediaTypes: ["text/event-stream"],
      example: 'event: news\ndata: {"topics":["runs"],"runs":["r1"]}\n\n',
    },
  },
});

const EVENT_STREAM = {
  "content-type": "text/event-stream; charset=utf-8",
  // Proxies are neither to keep, change nor hold back what is sent.
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

export const LIVE_OPERATIONS = [LISTEN];

/** What changes, as it does; pages keep themselves up to date by it. */
export function mountLive(mount: MountOperation, desk: NewsDesk, clock: Pick<Clock, "now">): void {
  mount(LISTEN, ({ query: { since = clock.now() } }, context) => {
    // Whoever asks for the head alone would hold a seat that nobody reads from.
    if (context.req.method === "HEAD") return { status: 200, response: context.body(null, 200, EVENT_STREAM) };
    const listener = desk.listen(since);
    if (!listener) {
      context.header("retry-after", RETRY_AFTER_SECONDS);
      return { status: 503, error: "Too many pages are kept up to date at this time." };
    }
    return { status: 200, response: context.body(streamOf(listener), 200, EVENT_STREAM) };
  });
}

/** Asks for more only when the last was taken, so nothing piles up for who is slow. */
function streamOf(listener: Listener): ReadableStream<Uint8Array> {
  const text = new TextEncoder();
  const ending = setTimeout(() => listener.end(), LONGEST_MS).unref();
  const end = (): void => {
    clearTimeout(ending);
    listener.end();
  };
  return new ReadableStream(
    {
      // The head of the answer goes out with the first bytes.
      start: (controller) => controller.enqueue(text.encode(": live\n\n")),
      pull: async (controller) => {
        const news = await listener.next();
        if (news !== undefined) return controller.enqueue(text.encode(frameOf(news)));
        end();
        controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

const frameOf = (news: News | "beat"): string =>
  news === "beat" ? "event: beat\ndata: 1\n\n" : `event: news\ndata: ${JSON.stringify(news)}\n\n`;
