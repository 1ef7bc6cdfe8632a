import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { asError } from "./as-error.ts";
import { noHeadInTime, toTransportError } from "./transport-error.ts";
import type { OutboundRequest, OutboundResponse } from "./types.ts";

/** A request's body, made. */
export type OutboundBody = string | Uint8Array | Readable;

/**
 * One request and the head of its answer, asked of undici's dispatcher itself: what `undici.request` hands over is a
 * stream with a reader of its own, and to put its failures into our words would take a second stream around it. Each
 * piece of a file would then pass through both.
 *
 * Rejects, and the answer's body fails, with what `toTransportError` makes of it. Destroying the body before its end
 * drops the connection at once.
 * @param cameIn told how many bytes each piece of the answer has
 */
export function exchange(
  dispatcher: Dispatcher,
  request: OutboundRequest,
  body: OutboundBody | undefined,
  signal: AbortSignal,
  cameIn: (bytes: number) => void,
): Promise<OutboundResponse> {
  return new Promise((resolve, reject) => {
    const { url, operation, headersTimeoutMs } = request;
    // undici's own timers tick twice a second while one of them runs: at rest that is always, since a request is held.
    const headMs = body === undefined ? headersTimeoutMs : undefined;
    let untilHead: NodeJS.Timeout | undefined;
    let control: Dispatcher.DispatchController | undefined;
    let answer: Readable | undefined;
    let isWhole = false;

    const fail = (error: unknown): void => {
      clearTimeout(untilHead);
      signal.removeEventListener("abort", abort);
      const told = toTransportError(error, operation, signal);
      if (answer === undefined) reject(told);
      else answer.destroy(asError(told));
      // An early answer may have come before all of it was sent.
      if (body instanceof Readable) body.destroy();
    };
    const abort = (): void => {
      fail(signal.reason);
      if (!isWhole) control?.abort(asError(signal.reason));
    };
    const openAnswer = (controller: Dispatcher.DispatchController): Readable => {
      const opened = new Readable({
        read: () => controller.resume(),
        destroy: (error, done) => {
          signal.removeEventListener("abort", abort);
          if (!isWhole) controller.abort(error ?? new Error("nobody reads the answer to its end"));
          done(error);
        },
      });
      // One that nobody has begun to read may fail; whoever reads it later gets the error then.
      return opened.on("error", () => {});
    };

    // It may have come while the body was made.
    if (signal.aborted) return fail(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: request.method,
        headers: request.headers ?? null,
        body: body ?? null,
        headersTimeout: headMs === undefined ? (headersTimeoutMs ?? null) : 0,
        bodyTimeout: request.bodyTimeoutMs ?? null,
      },
      {
        onRequestStart: (controller) => {
          control = controller;
          if (signal.aborted) controller.abort(asError(signal.reason));
          else if (headMs !== undefined && headMs > 0)
            untilHead = setTimeout(() => controller.abort(noHeadInTime()), headMs);
        },
        onResponseStart: (controller, status, headers) => {
          // Such as 100 and 103: the answer is yet to come.
          if (status < 200) return;
          clearTimeout(untilHead);
          answer = openAnswer(controller);
          resolve({ status, headers: joinRepeated(headers), body: answer });
        },
        onResponseData: (controller, piece) => {
          cameIn(piece.length);
          if (answer?.destroyed === false && !answer.push(piece)) controller.pause();
        },
        onResponseEnd: () => {
          isWhole = true;
          answer?.push(null);
        },
        onResponseError: (_controller, error) => fail(error),
      },
    );
  });
}

function joinRepeated(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined) joined[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return joined;
}
