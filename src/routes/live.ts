import type { Hono, MiddlewareHandler } from "hono";
import type { Listener, News, NewsDesk } from "../../handlers/news-desk.ts";
import { explain } from "./explain.ts";

/** How long one answer lasts: who listens on asks again, and shows that they still may. */
const LONGEST_MS = 10 * 60_000;
const RETRY_AFTER_SECONDS = "30";

/**
 * What changes, as it does: server-sent events `news` with topics and ids of runs, and `beat` when nothing does.
 * `?since=` is when the page was made that is to be kept up to date, in milliseconds since the epoch.
 */
export function mountLive(app: Hono, viewer: MiddlewareHandler, desk: NewsDesk, now: () => number): void {
  app.get("/api/live", viewer, (context) => {
    const since = Number(context.req.query("since"));
    const listener = desk.listen(Number.isSafeInteger(since) && since > 0 ? since : now());
    if (!listener) {
      context.header("retry-after", RETRY_AFTER_SECONDS);
      return explain(context, true, 503, "Too many pages are kept up to date at this time.");
    }
    return new Response(streamOf(listener), {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        // Proxies are neither to keep, change nor hold back what is sent.
        "cache-control": "no-store, no-transform",
        "x-accel-buffering": "no",
      },
    });
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
