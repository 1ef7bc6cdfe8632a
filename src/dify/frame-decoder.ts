import { createParser, type ParseError } from "eventsource-parser";
import { TransientError } from "../errors.ts";

/** Frames carry whole node inputs and outputs, untruncated, so the bound is generous. */
const DEFAULT_MAX_EVENT_CHARS = 16 * 1024 * 1024;

/** Longest beginning of a line that is looked at in search of a ping. */
const PING_LINE_CHARS = 16;
const PING_LINE = /^event: ?ping\r?\n$/;

export type FrameListener = {
  /** A life sign that came without data beside it. */
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
 * Dify's pings are frames without data, which the event stream format tells a parser to drop; they are life signs
 * here, so they are recognised by their line. One that comes in the same piece as data is not told: the data says
 * more, and to seek pings between all frames costs as much as to parse the JSON of a twentieth of them.
 */
export function createFrameDecoder(
  { onPing, onData }: FrameListener,
  { maxEventChars = DEFAULT_MAX_EVENT_CHARS } = {},
): FrameDecoder {
  const text = new TextDecoder();
  let overflow: ParseError | undefined;
  let lineStart = "";
  let isDataTold = false;
  const parser = createParser({
    maxBufferSize: maxEventChars,
    onEvent: ({ event, data }) => {
      if (event === "ping") return;
      isDataTold = true;
      onData(data);
    },
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") overflow = error;
    },
  });

  const tellPings = (decoded: string): void => {
    for (const line of lines(decoded)) {
      lineStart += line.slice(0, PING_LINE_CHARS - lineStart.length);
      if (!line.endsWith("\n")) return;
      if (PING_LINE.test(lineStart)) onPing();
      lineStart = "";
    }
  };

  return {
    push(bytes) {
      const decoded = text.decode(bytes, { stream: true });
      isDataTold = false;
      parser.feed(decoded);
      if (overflow !== undefined) throw tooLarge(maxEventChars);
      if (!isDataTold && mayHoldPing(lineStart, decoded)) return tellPings(decoded);
      const unfinished = decoded.lastIndexOf("\n") + 1;
      lineStart = (unfinished === 0 ? lineStart + decoded : decoded.slice(unfinished)).slice(0, PING_LINE_CHARS);
    },
  };
}

/**
 * A quick look that may be wrong one way only: it never misses a ping. Only the beginnings of lines are looked at,
 * and with a needle this short: to search for more costs as much as to parse the JSON of an eighth of the text.
 */
const mayHoldPing = (lineStart: string, text: string): boolean =>
  (lineStart === "" ? text : lineStart).startsWith("e") || text.includes("\ne");

/** The lines of a text with their ends; the last may lack it. */
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
