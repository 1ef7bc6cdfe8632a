import type { Clock } from "../clock.ts";
import type { Send } from "../http/types.ts";

/** What an answer tells beside its body. */
export type Answer = {
  readonly operation: string;
  /** Milliseconds from the request to the head of the answer. */
  readonly tookMs: number;
  /** By how many milliseconds the server's clock is ahead of ours, within a second; undefined without a `Date`. */
  readonly skewMs: number | undefined;
};

/** `Date` tells whole seconds: on average half a second has gone since. */
const HALF_A_SECOND_MS = 500;

/** Notes how long each attempt took and what time it was at the server. */
export function observeAnswers(
  send: Send,
  clock: Pick<Clock, "now">,
): { readonly send: Send; readonly answers: readonly Answer[] } {
  const answers: Answer[] = [];
  return {
    answers,
    send: async (request, signal) => {
      const sentMs = clock.now();
      const response = await send(request, signal);
      const tookMs = clock.now() - sentMs;
      const dateMs = Date.parse(response.headers["date"] ?? "");
      const skewMs = Number.isNaN(dateMs) ? undefined : dateMs + HALF_A_SECOND_MS - (sentMs + tookMs / 2);
      answers.push({ operation: request.operation, tookMs, skewMs });
      return response;
    },
  };
}
