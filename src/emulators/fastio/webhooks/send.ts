import { type Dispatcher, request } from "undici";

/** How long a receiver may take, real milliseconds. */
export const DELIVERY_TIMEOUT_MS = 30_000;

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

/** One POST of a delivery. Redirects are not followed: they count as failures like any other non-2xx. */
export async function sendDelivery(options: {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly dispatcher: Dispatcher;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}): Promise<Attempt> {
  try {
    const answer = await request(options.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "Fastio-Webhooks-Emulator/1",
        ...options.headers,
      },
      body: options.body,
      dispatcher: options.dispatcher,
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(DELIVERY_TIMEOUT_MS)]),
    });
    await answer.body.dump();
    return { atMs: options.nowMs, status: answer.statusCode };
  } catch (error) {
    return { atMs: options.nowMs, status: null, error: codeOf(error) };
  }
}
