import { once } from "node:events";
import { connect } from "node:net";

/** One connection that is kept: a request at a time, and no more of HTTP/1.1 than our own servers speak. */
export type Connection = {
  /** @param onStatus 0 when the connection broke before the answer */
  send(request: Uint8Array, onStatus: (status: number) => void): void;
  readonly isOpen: () => boolean;
  close(): void;
};

const HEAD_END = "\r\n\r\n";

/** Cheap, since it shares the cores with what is measured: a tenth of what an HTTP client computes. */
export async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  let received = "";
  let waiting: ((status: number) => void) | undefined;
  let open = true;
  const answer = (status: number): void => {
    const told = waiting;
    waiting = undefined;
    told?.(status);
  };
  socket.on("data", (chunk: Buffer) => {
    const text = chunk.toString("latin1"); // a byte a character, so that lengths agree
    received = received === "" ? text : received + text;
    const bytes = answerLength(received);
    if (bytes === undefined || received.length < bytes) return;
    const status = Number(received.slice(9, 12));
    received = received.slice(bytes);
    answer(status);
  });
  socket.on("error", () => undefined); // is followed by its close
  socket.on("close", () => {
    open = false;
    answer(0);
  });
  return {
    send: (request, onStatus) => {
      if (waiting !== undefined) throw new Error("a connection takes one request at a time");
      waiting = onStatus;
      if (open) socket.write(request);
      else answer(0);
    },
    isOpen: () => open,
    close: () => socket.destroy(),
  };
}

/** Bytes of the answer that begins here, head and body; undefined while its head is not here. */
export function answerLength(text: string): number | undefined {
  const head = text.indexOf(HEAD_END);
  if (head === -1) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${text.slice(0, head)}`);
  return head + HEAD_END.length + Number(length);
}
