import { messageOf } from "../message-of.ts";
import { plainJson } from "../text/unseen.ts";

/** How long a reader may leave a pipe full; meanwhile the process does nothing else. */
const READER_PATIENCE_MS = 2_000;
const LOOK_AGAIN_MS = 10;
const NOTHING = new Uint8Array();

export type LineWriterDeps = {
  /** Writes as much as there is room for. @returns how many bytes; throws as `writeSync` does */
  readonly write: (bytes: Uint8Array) => number;
  /** Told, once until there is room again, why nothing can be written. */
  readonly warn: (why: string) => void;
  /** How lines of JSON are shown, where not as they are; nothing in them may move a terminal. */
  readonly show?: ((lines: string) => string) | undefined;
  readonly readerPatienceMs?: number;
};

/**
 * Writes the lines of one turn of the event loop together: a call of the system for each would compute as long as all the
 * rest of a line. They are out before the process waits for anything, and before it ends unless it is killed.
 *
 * A disk that is full, or a reader that stands still, costs lines, and never the process: what was begun is kept, what
 * comes after it is counted, and told of in a line of its own once there is room. A reader that goes away is the last.
 */
export function createLineWriter({ write, warn, show, readerPatienceMs = READER_PATIENCE_MS }: LineWriterDeps): {
  write(line: string): void;
} {
  let lines = "";
  let begun: Uint8Array = NOTHING;
  let lost = 0;
  let isGone = false;

  const writeOn = (patienceMs: number): void => {
    const { rest, fault } = writeAll(write, begun, patienceMs);
    begun = rest;
    if (fault === undefined) return;
    isGone = codeOf(fault) === "EPIPE";
    // Without patience it is known already.
    if (!isGone && patienceMs > 0) warn(messageOf(fault));
  };
  const flush = (): void => {
    const whole = lines;
    lines = "";
    if (isGone) return;
    // Who let us wait in vain is not waited for each time.
    if (begun.length > 0) writeOn(0);
    if (begun.length > 0) {
      lost += whole.split("\n").length - 1;
      return;
    }
    if (whole === "" && lost === 0) return;
    const told = lost === 0 ? whole : lostLine(lost) + whole;
    begun = show ? Buffer.from(show(told)) : bytesOf(told);
    lost = 0;
    writeOn(readerPatienceMs);
  };
  process.once("exit", flush);
  return {
    write: (line) => {
      if (lines === "") setImmediate(flush);
      lines += line;
    },
  };
}

/** @returns what is not written, and why; a pipe that is full is waited for, as long as it takes something now and then */
function writeAll(
  write: LineWriterDeps["write"],
  bytes: Uint8Array,
  patienceMs: number,
): { readonly rest: Uint8Array; readonly fault?: unknown } {
  let rest = bytes;
  let waitedMs = 0;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(write(rest));
      waitedMs = 0;
    } catch (fault) {
      if (codeOf(fault) !== "EAGAIN" || waitedMs >= patienceMs) return { rest, fault };
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS);
      waitedMs += LOOK_AGAIN_MS;
    }
  }
  return { rest };
}

/** Whoever looks at the log in a terminal sees all of it, and the terminal obeys none of it. */
function bytesOf(lines: string): Uint8Array {
  const bytes = Buffer.from(lines);
  const isAscii = bytes.length === lines.length;
  return isAscii && !lines.includes("\u007f") ? bytes : Buffer.from(plainJson(lines));
}

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

const lostLine = (lines: number): string =>
  `${JSON.stringify({ level: "warn", time: new Date().toISOString(), lines, event: "log.lines_lost" })}\n`;
