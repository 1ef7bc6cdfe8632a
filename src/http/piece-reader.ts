import type { Readable } from "node:stream";

/** Hands out the pieces of a stream one by one. */
export type PieceReader = {
  /** The next piece as it came, undefined at the end. One asks at a time. */
  next(): Promise<Buffer | undefined>;
};

/**
 * Reads a stream no faster than it is asked. Its own iterator would copy all that has gathered into one piece each time.
 */
export function createPieceReader(body: Readable): PieceReader {
  const gathered: Buffer[] = [];
  let isOver = false;
  let wake = (): void => {};
  const end = (): void => {
    isOver = true;
    wake();
  };
  body.pause();
  body.on("data", (piece: Buffer) => {
    gathered.push(piece);
    body.pause();
    wake();
  });
  body.once("end", end);
  body.on("error", end);
  body.once("close", end);
  return {
    next: async () => {
      for (;;) {
        const piece = gathered.shift();
        if (piece !== undefined) return piece;
        if (body.errored) throw body.errored;
        if (body.readableEnded) return undefined;
        if (isOver || body.destroyed) throw new Error("the stream was closed before its end");
        await new Promise<void>((resolve) => {
          wake = resolve;
          body.resume();
        });
      }
    },
  };
}
