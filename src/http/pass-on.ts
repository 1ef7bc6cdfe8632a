import { Readable } from "node:stream";
import { asError } from "./as-error.ts";

/** What is done with the bytes on their way. What either throws is the failure of the stream. */
export type OnTheWay = {
  /** Comes before all else. */
  readonly head?: Uint8Array;
  /** Looks at a piece before it is passed on. */
  readonly look?: (piece: Uint8Array) => void;
  /** All pieces have come. @returns what comes after them */
  readonly atEnd?: () => Uint8Array | undefined;
};

/**
 * A stream of what another one brings, piece by piece as they come, and no faster than it is read. Whichever of the two
 * fails or is destroyed, the other is, too.
 *
 * A generator over the source would do the same. But it would copy what has gathered in the source into one piece each
 * time, and wait for a few promises: with a handful of them one behind the other, a large file takes half as long again.
 */
export function passOn(source: Readable, { head, look, atEnd }: OnTheWay = {}): Readable {
  let isWhole = false;
  const passed = new Readable({
    read: () => source.resume(),
    destroy: (error, done) => {
      source.destroy();
      done(error);
    },
  });
  const fail = (error: unknown): void => {
    if (!isWhole) passed.destroy(asError(error));
  };
  const closed = (): void => fail(source.errored ?? new Error("the source was closed before its end"));

  source.pause();
  source.on("data", (piece: Uint8Array) => {
    if (passed.destroyed || piece.length === 0) return;
    try {
      look?.(piece);
    } catch (error) {
      return fail(error);
    }
    if (!passed.push(piece)) source.pause();
  });
  source.once("end", () => {
    if (passed.destroyed) return;
    let last: Uint8Array | undefined;
    try {
      last = atEnd?.();
    } catch (error) {
      return fail(error);
    }
    isWhole = true;
    if (last !== undefined) passed.push(last);
    passed.push(null);
  });
  source.on("error", fail);
  source.once("close", closed);
  if (head !== undefined) passed.push(head);
  if (source.destroyed) closed();
  return passed;
}

/** Looks at each piece that somebody else reads from a stream. What it throws is the failure of that stream. */
export function watch(source: Readable, look: (piece: Uint8Array) => void): void {
  // To listen would set it going before anybody reads.
  source.pause();
  source.on("data", (piece: Uint8Array) => {
    if (source.destroyed) return;
    try {
      look(piece);
    } catch (error) {
      source.destroy(asError(error));
    }
  });
}
