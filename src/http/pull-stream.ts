import { Readable } from "node:stream";

/**
 * A byte stream that pulls: asks for one piece at a time, only while its reader wants more, and releases
 * its source the moment it is destroyed, even while a piece is awaited. (A stream made by `Readable.from`
 * waits for that piece first, so a silent source would outlive its reader.)
 *
 * @param next the next piece; undefined at the end
 * @param release called once, however the stream ends
 */
export function pullStream(
  next: () => Promise<Uint8Array | undefined>,
  release: (error: Error | null) => void,
): Readable {
  return new Readable({
    read() {
      next().then(
        (piece) => {
          if (!this.destroyed) this.push(piece ?? null);
        },
        (error: unknown) => {
          this.destroy(asError(error));
        },
      );
    },
    destroy(error, done) {
      release(error);
      done(error);
    },
  });
}

/** Streams can only end with an Error; an abort reason may be anything. */
export const asError = (value: unknown): Error =>
  value instanceof Error ? value : new Error("ended by a value that is no Error", { cause: value });
