import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type Dispatcher, request } from "undici";

export type Attempt = {
  /** Real time, milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** HTTP status, or null when nothing answered. */
  readonly status: number | null;
  readonly error?: string;
};

const codeOf = (error: unknown): string => {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "unknown";
};

const PIECES = 5;

/** The bytes in a few pieces with pauses between them. */
const slowly = (body: Buffer, ms: number): Readable =>
  Readable.from(
    (async function* pieces() {
      const size = Math.ceil(body.length / PIECES);
      for (let from = 0; from < body.length; from += size) {
        yield body.subarray(from, from + size);
        await delay(ms / PIECES);
      }
    })(),
  );

/** One POST of a delivery. Redirects are not followed: they count as failures like any other non-2xx. */
export async function sendDelivery(options: {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly dispatcher: Dispatcher;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** How long the receiver may take, real milliseconds. */
  readonly timeoutMs: number;
  /** Spreads the body over this time, real milliseconds. */
  readonly slowMs?: number;
}): Promise<Attempt> {
  const limit = new AbortController();
  const stop = (): void => limit.abort(options.signal.reason);
  const timer = setTimeout(() => limit.abort(new DOMException("no answer in time", "TimeoutError")), options.timeoutMs);
  if (options.signal.aborted) stop();
  else options.signal.addEventListener("abort", stop, { once: true });
  try {
    const answer = await request(options.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "Fastio-Webhooks-Emulator/1",
        ...options.headers,
        ...(options.slowMs ? { "content-length": String(options.body.length) } : {}),
      },
      body: options.slowMs ? slowly(options.body, options.slowMs) : options.body,
      dispatcher: options.dispatcher,
      signal: limit.signal,
    });
    await answer.body.dump();
    return { atMs: options.nowMs, status: answer.statusCode };
  } catch (error) {
    return { atMs: options.nowMs, status: null, error: codeOf(error) };
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", stop);
  }
}
