import type { ServerResponse } from "node:http";

/** Milliseconds for written bytes to reach the peer before a reset, which would overtake them. */
const RESET_GRACE_MS = 20;

export type AnswerGate = {
  /** Runs once, when the handler first writes and before any byte leaves. `drop` resets the connection instead. */
  readonly beforeFirstByte: () => Promise<"send" | "drop">;
  /** Body bytes after which the connection is reset; undefined sends everything. */
  readonly truncateAfter: number | undefined;
};

/** Ends the TCP connection with a reset: the peer sees a lost connection, not an answer. */
export function resetConnection(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** Resets the connection once everything written so far has had time to arrive. */
export function resetAfterFlush(response: ServerResponse): void {
  // An empty piece is never sent by itself, but its turn comes after the pieces before it.
  response.write("", () => setTimeout(() => resetConnection(response), RESET_GRACE_MS).unref());
}

/**
 * Holds back what a handler writes until the gate opens, so that a test can act between the effect of a
 * request and its answer. Works on the response in place: any listener may write to it.
 */
export function gateAnswer(response: ServerResponse, gate: AnswerGate): void {
  const real = {
    write: response.write.bind(response),
    end: response.end.bind(response),
    flushHeaders: response.flushHeaders.bind(response),
  };
  let state: "closed" | "opening" | "open" | "cut" = "closed";
  let budget = gate.truncateAfter ?? Number.POSITIVE_INFINITY;
  const held: (() => void)[] = [];

  const cutAfter = (bytes: Buffer) => {
    state = "cut";
    // Written before the reset; an empty piece still sends the head.
    if (bytes.length === 0) real.flushHeaders();
    else real.write(bytes);
    setTimeout(() => resetConnection(response), RESET_GRACE_MS).unref();
  };

  const sendBody = (chunk: unknown, encoding: BufferEncoding | undefined, done: (() => void) | undefined): boolean => {
    if (state === "cut") return false;
    const bytes = toBuffer(chunk, encoding);
    if (bytes.length > budget) {
      cutAfter(bytes.subarray(0, budget));
      return false;
    }
    budget -= bytes.length;
    return real.write(bytes, done);
  };

  const open = async () => {
    state = "opening";
    const verdict = await gate.beforeFirstByte();
    if (verdict === "drop") {
      state = "cut";
      resetConnection(response);
      return;
    }
    state = "open";
    for (const action of held.splice(0)) action();
    if (!response.writableNeedDrain) response.emit("drain");
  };

  const pass = (action: () => void) => {
    if (state === "open" || state === "cut") return action();
    held.push(action);
    if (state === "closed") open().catch((error: unknown) => response.destroy(toError(error)));
  };

  const write = (chunk: unknown, second?: unknown, third?: unknown): boolean => {
    const { encoding, done } = readArguments(second, third);
    let ready = false;
    pass(() => {
      ready = sendBody(chunk, encoding, done);
    });
    return ready;
  };
  const end = (first?: unknown, second?: unknown, third?: unknown): ServerResponse => {
    const chunk = typeof first === "function" ? undefined : first;
    const { encoding, done } = readArguments(typeof first === "function" ? first : second, third);
    pass(() => {
      if (state === "cut") return;
      const bytes = chunk === undefined || chunk === null ? Buffer.alloc(0) : toBuffer(chunk, encoding);
      if (bytes.length > budget) return cutAfter(bytes.subarray(0, budget));
      // One call keeps the length that Node computes for a body written at once.
      real.end(bytes, done);
    });
    return response;
  };
  Object.assign(response, {
    write,
    end,
    flushHeaders: () => pass(() => (state === "cut" ? undefined : real.flushHeaders())),
  });
}

function toBuffer(chunk: unknown, encoding: BufferEncoding | undefined): Buffer {
  if (typeof chunk === "string") return Buffer.from(chunk, encoding);
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError("a body is text or bytes");
}

function readArguments(second: unknown, third: unknown) {
  const last = typeof second === "function" ? second : third;
  return {
    encoding: typeof second === "string" && Buffer.isEncoding(second) ? second : undefined,
    done: typeof last === "function" ? () => void last() : undefined,
  };
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
