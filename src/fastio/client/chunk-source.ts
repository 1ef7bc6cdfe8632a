import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { asError } from "../../http/as-error.ts";

/** A stream of bytes cut to measure, counted and hashed on the way. One reads at a time. */
export type ChunkSource = {
  /** Fills the buffer, or as much of it as there is. @returns bytes written */
  fill(buffer: Buffer): Promise<number>;
  /** The next `bytes` bytes, or as many as there are. Giving it up leaves the source as it is. */
  take(bytes: number): Readable;
  /** Whether nothing is left; may have to read on to know. */
  isSpent(): Promise<boolean>;
  /** What was read so far. */
  measure(): { readonly size: number; readonly sha256: string };
};

/** Whoever reads now. */
type Reader = {
  /** Bytes it wants yet. One that wants none waits until there is a byte, or the end. */
  wanted: number;
  /** @returns whether it takes more at once */
  readonly take: (piece: Buffer) => boolean;
  /** It has all it wanted, or the source is over, or broke. */
  readonly end: (error?: Error) => void;
};

/**
 * Hands the pieces on as they come, without a promise or a copy for each. (The stream's own iterator would copy all that
 * has gathered into one piece each time.)
 */
export function createChunkSource(body: Readable): ChunkSource {
  const hash = createHash("sha256");
  let size = 0;
  /** Of the last piece, what nobody wanted yet. */
  let rest: Buffer | undefined;
  let reader: Reader | undefined;

  const leave = (one: Reader | undefined): void => {
    if (reader !== one) return;
    reader = undefined;
    body.pause();
  };
  const give = (piece: Buffer): void => {
    const one = reader;
    const part = piece.subarray(0, one?.wanted ?? 0);
    rest = part.length < piece.length ? piece.subarray(part.length) : undefined;
    if (one === undefined) return void body.pause();
    one.wanted -= part.length;
    if (part.length > 0 && !one.take(part)) body.pause();
    // It may have gone away over this piece.
    if (one.wanted > 0 || reader !== one) return;
    leave(one);
    one.end();
  };
  const over = (): void => {
    const one = reader;
    if (one === undefined) return;
    reader = undefined;
    if (body.readableEnded) one.end();
    else one.end(asError(body.errored ?? new Error("the stream was closed before its end")));
  };
  const begin = (one: Reader): void => {
    reader = one;
    if (rest !== undefined) give(rest);
    if (reader !== one) return;
    if (body.readableEnded || body.destroyed || body.errored) over();
    else body.resume();
  };

  body.pause();
  body.on("data", (piece: Buffer) => {
    if (piece.length === 0) return;
    hash.update(piece);
    size += piece.length;
    give(piece);
  });
  body.once("end", over);
  body.on("error", over);
  body.once("close", over);

  return {
    fill: (buffer) =>
      new Promise((resolve, reject) => {
        let filled = 0;
        begin({
          wanted: buffer.length,
          take: (piece) => {
            filled += piece.copy(buffer, filled);
            return true;
          },
          end: (error) => (error === undefined ? resolve(filled) : reject(error)),
        });
      }),

    take: (bytes) => {
      let one: Reader | undefined;
      const taken = new Readable({
        read: () => {
          if (one !== undefined) return void body.resume();
          one = {
            wanted: bytes,
            take: (piece) => taken.push(piece),
            end: (error) => (error === undefined ? void taken.push(null) : void taken.destroy(error)),
          };
          begin(one);
        },
        destroy: (error, done) => {
          leave(one);
          done(error);
        },
      });
      return taken;
    },

    isSpent: () =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error === undefined ? resolve(rest === undefined) : reject(error));
        begin({ wanted: 0, take: () => false, end });
      }),

    measure: () => ({ size, sha256: hash.copy().digest("hex") }),
  };
}
