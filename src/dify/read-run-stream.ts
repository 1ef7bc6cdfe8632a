import type { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import { RelayError, TransientError } from "../errors.ts";
import { asError } from "../http/as-error.ts";
import type { Log } from "../telemetry/log.ts";
import { createFrameDecoder } from "./frame-decoder.ts";
import { createFrameReader } from "./run-events.ts";
import { createSilenceWatch } from "./silence-watch.ts";
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
  const readPiece = createPieceReader(log, maxEventChars);
  const pieces: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  const abort = () => body.destroy(asError(signal.reason));
  signal.addEventListener("abort", abort, { once: true });
  // Nobody else listens once the loop is left.
  body.on("error", () => {});
  const watch = createSilenceWatch(clock, (limitMs) =>
    body.destroy(new TransientError("timed_out", `the run's stream was silent for ${limitMs} ms`)),
  );
  let atWork = false;
  let toldMs = clock.now();
  try {
    // From here on an abort breaks the body.
    signal.throwIfAborted();
    for (;;) {
      watch.begin(atWork ? silence.atWorkMs : silence.beforeWorkMs);
      let piece: IteratorResult<Uint8Array, unknown>;
      try {
        piece = await pieces.next();
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RelayError) throw error;
        throw new TransientError("connection_lost", "the run's stream broke", { cause: error });
      }
      watch.end();
      if (piece.done === true) break;
      const told = readPiece(piece.value);
      for (const event of told.events) {
        yield event;
        if (event.kind === "finished" || event.kind === "paused" || event.kind === "error") return;
      }
      if (told.anyData) toldMs = clock.now();
      // Since 1.13 the first ping comes from the API server before the worker has begun; the second is the worker's.
      atWork ||= told.anyData || told.pingsSoFar > 1;
      if (onlyPingsMs > 0 && clock.now() - toldMs >= onlyPingsMs) {
        throw new TransientError("timed_out", `the run's stream told nothing but pings for ${onlyPingsMs} ms`);
      }
    }
  } finally {
    watch.close();
    signal.removeEventListener("abort", abort);
    body.destroy();
  }
  throw new TransientError("stream_truncated", "the run's stream ended before the run did");
}

type ToldByPiece = {
  readonly events: readonly DifyRunEvent[];
  /** Whether a frame was more than a ping. */
  readonly anyData: boolean;
  readonly pingsSoFar: number;
};

/** What each piece tells, frame by frame; apart from the generator, in which nothing is fast. */
function createPieceReader(log: Log, maxEventChars: number | undefined): (piece: Uint8Array) => ToldByPiece {
  let events: DifyRunEvent[] = [];
  let anyData = false;
  let pingsSoFar = 0;
  const readFrame = createFrameReader(log, (event) => events.push(event));
  const decoder = createFrameDecoder(
    {
      onPing: () => {
        pingsSoFar += 1;
        events.push({ kind: "ping" });
      },
      onData: (text) => {
        anyData = true;
        readFrame(text);
      },
    },
    maxEventChars === undefined ? {} : { maxEventChars },
  );
  return (piece) => {
    events = [];
    anyData = false;
    decoder.push(piece);
    return { events, anyData, pingsSoFar };
  };
}
