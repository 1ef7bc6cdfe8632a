import { createParser, type ParseError } from "eventsource-parser";
import { TransientError } from "../errors.ts";

/** Frames carry whole node inputs and outputs, untruncated, so the bound is generous. */
export const DEFAULT_MAX_EVENT_CHARS = 16 * 1024 * 1024;

/** Longest beginning of a line that is looked at in search of a ping. */
const PING_LINE_CHARS = 16;
const PING_LINE = /^event: ?ping\r?\n$/;

export type FrameListener = {
  /** A life sign. */
  onPing(): void;
  /** The data of one event. */
  onData(text: string): void;
};

export type FrameDecoder = {
  /**
   * Tells the frames that these bytes completed, in order, before it returns.
   * @throws {TransientError} `event_too_large`: the run itself may well go on, so its record can still be read
   */
  push(bytes: Uint8Array): void;
};

/**
 * Bytes of an event stream to frames, wherever the bytes were cut. No I/O.
 *
 * Dify's pings are frames without data, which the event stream format tells a parser to drop;
 * they are life signs here, so they are recognised by their line.
 */
export function createFrameDecoder(
  { onPing, onData }: FrameListener,
  { maxEventChars = DEFAULT_MAX_EVENT_CHARS } = {},
): FrameDecoder {
  const text = new TextDecoder();
  let overflow: ParseError | undefined;
  let lineStart = "";
  const parser = createParser({
    maxBufferSize: maxEventChars,
    onEvent: ({ event, data }) => {
      if (event !== "ping") onData(data);
    },
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") overflow = error;
    },
  });

  const pushPiece = (piece: string): void => {
    lineStart += piece.slice(0, PING_LINE_CHARS - lineStart.length);
    if (!piece.endsWith("\n")) return;
    if (PING_LINE.test(lineStart)) onPing();
    lineStart = "";
  };

  const feed = (piece: string): void => {
    parser.feed(piece);
    if (overflow !== undefined) throw tooLarge(maxEventChars);
  };

  return {
    push(bytes) {
      const decoded = text.decode(bytes, { stream: true });
      // Pings are rare: only where there is one does its place among the frames have to be found, line by line.
      if (mayHoldPing(lineStart, decoded)) {
        for (const piece of lines(decoded)) {
          feed(piece);
          pushPiece(piece);
        }
      } else {
        feed(decoded);
        const unfinished = decoded.lastIndexOf("\n") + 1;
        lineStart = (unfinished === 0 ? lineStart + decoded : decoded.slice(unfinished)).slice(0, PING_LINE_CHARS);
      }
    },
  };
}

/**
 * A quick look that may be wrong one way only: it never misses a ping. Only the beginnings of lines are looked at,
 * and with a needle this short: to search for more costs as much as to parse the JSON of an eighth of the text.
 */
const mayHoldPing = (lineStart: string, text: string): boolean =>
  (lineStart === "" ? text : lineStart).startsWith("e") || text.includes("\ne");

/** Pieces of the text, each ending with a line end but perhaps the last. */
function* lines(text: string): Generator<string, undefined> {
  let start = 0;
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
    yield text.slice(start, end + 1);
    start = end + 1;
  }
  if (start < text.length) yield text.slice(start);
}

const tooLarge = (maxEventChars: number): TransientError =>
  new TransientError("event_too_large", `one event of the stream is over ${maxEventChars} characters`);
