import type { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import { RelayError, TransientError } from "../errors.ts";
import { asError } from "../http/pull-stream.ts";
import type { Log } from "../telemetry/log.ts";
import { createFrameDecoder } from "./frame-decoder.ts";
import { createFrameReader } from "./run-events.ts";
import type { DifyRunEvent } from "./types.ts";

/** How long a stream may be silent, in milliseconds; 0 switches a limit off. */
export type SilenceLimits = {
  /** Until the worker is known to be at work: a queued run may send nothing at all before. */
  readonly beforeWorkMs: number;
  /** Between two pieces afterwards; a working Dify pings every 10 s. */
  readonly atWorkMs: number;
};

export type RunStreamOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly silence: SilenceLimits;
  /** Milliseconds in which a stream may tell nothing but pings; 0, the default, switches the limit off. */
  readonly onlyPingsMs?: number;
  readonly maxEventChars?: number;
};

/**
 * The events of one run from the body of its stream. Ends after `finished`, `paused` or `error` without waiting
 * for the server to close (Dify may hang for minutes after `error`); leaving the loop drops the connection.
 *
 * @throws {TransientError} `stream_truncated` when the body ends before such an event, `timed_out` after silence
 *   or after nothing but pings, `connection_lost`, `event_too_large`; or the signal's reason
 */
export async function* readRunStream(
  body: Readable,
  { clock, log, silence, onlyPingsMs = 0, maxEventChars }: RunStreamOptions,
  signal: AbortSignal,
): AsyncGenerator<DifyRunEvent, undefined> {
  const decoder = createFrameDecoder(maxEventChars === undefined ? {} : { maxEventChars });
  const readFrame = createFrameReader(log);
  const pieces: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  const abort = () => body.destroy(asError(signal.reason));
  signal.addEventListener("abort", abort, { once: true });
  // Nobody else listens once the loop is left.
  body.on("error", () => {});
  let pings = 0;
  let atWork = false;
  let toldMs = clock.now();
  try {
    for (;;) {
      signal.throwIfAborted();
      const limitMs = atWork ? silence.atWorkMs : silence.beforeWorkMs;
      const piece = await nextWithin(pieces, body, { clock, limitMs, signal });
      if (piece === undefined) break;
      for (const frame of decoder.push(piece)) {
        if (frame.kind === "data") toldMs = clock.now();
        // Since 1.13 the first ping comes from the API server before the worker has begun; the second is the worker's.
        atWork ||= frame.kind === "data" || ++pings > 1;
        for (const event of readFrame(frame)) {
          yield event;
          if (event.kind === "finished" || event.kind === "paused" || event.kind === "error") return;
        }
      }
      if (onlyPingsMs > 0 && clock.now() - toldMs >= onlyPingsMs) {
        throw new TransientError("timed_out", `the run's stream told nothing but pings for ${onlyPingsMs} ms`);
      }
    }
  } finally {
    signal.removeEventListener("abort", abort);
    body.destroy();
  }
  throw new TransientError("stream_truncated", "the run's stream ended before the run did");
}

/** The next piece, or undefined at the end. Time counts only while we wait, not while the reader is busy. */
async function nextWithin(
  pieces: AsyncIterator<Uint8Array>,
  body: Readable,
  { clock, limitMs, signal }: { readonly clock: Clock; readonly limitMs: number; readonly signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  const arrived = new AbortController();
  if (limitMs > 0) {
    clock.sleep(limitMs, arrived.signal).then(
      () => body.destroy(new TransientError("timed_out", `the run's stream was silent for ${limitMs} ms`)),
      () => {},
    );
  }
  try {
    const piece = await pieces.next();
    return piece.done === true ? undefined : piece.value;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RelayError) throw error;
    throw new TransientError("connection_lost", "the run's stream broke", { cause: error });
  } finally {
    arrived.abort();
  }
}
