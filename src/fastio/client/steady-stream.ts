import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { TransientError } from "../../errors.ts";
import { pullStream } from "../../http/pull-stream.ts";

/** A file opened somewhere in it. */
export type Opened = {
  readonly body: Readable;
  /** The byte its first one is; 0 also when another was asked for and the server knows no ranges. */
  readonly from: number;
  /** Bytes of the whole file. */
  readonly size: number | undefined;
  readonly mimeType: string | undefined;
  /** Names this content; another one has another tag. */
  readonly tag: string | undefined;
};

export type OpenAt = (from: number, tag: string | undefined, signal: AbortSignal) => Promise<Opened>;

/** Breaks in a row, without a byte between them, that are put up with. */
const MOST_BREAKS = 3;

/**
 * One stream over transfers that may break: goes on at the byte where it broke, by a range where the server knows
 * ranges, else from the beginning, whose bytes are then compared by hash with those that were read before.
 *
 * Fails with TransientError `download_changed` when the content is another one by then, `hash_mismatch` when the whole
 * does not have the hash it should, and with the break itself when it goes on breaking.
 */
export function steadyStream(
  wish: {
    readonly openAt: OpenAt;
    readonly first: Opened;
    readonly from: number;
    readonly sha256: string | undefined;
    readonly operation: string;
  },
  signal: AbortSignal,
): Readable {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let current = wish.first;
  const pieces = read();
  return pullStream(
    async () => (await pieces.next()).value ?? undefined,
    () => {
      stop.abort(new Error("the reader went away"));
      current.body.destroy();
    },
  );

  async function* read(): AsyncGenerator<Uint8Array, undefined> {
    const { operation, first } = wish;
    const passed = createHash("sha256");
    let at = wish.from;
    let breaks = 0;
    // Begun past the start, the hash of what came before is unknown, so a restart can only be counted.
    let skip = wish.from - first.from;
    let again: ReturnType<typeof createHash> | undefined;
    for (;;) {
      try {
        for await (const piece of current.body as AsyncIterable<Buffer>) {
          const old = piece.subarray(0, skip);
          skip -= old.length;
          again?.update(old);
          if (skip === 0 && again !== undefined) {
            if (again.digest("hex") !== passed.copy().digest("hex")) throw changed(operation);
            again = undefined;
          }
          const fresh = piece.subarray(old.length);
          if (fresh.length === 0) continue;
          breaks = 0;
          passed.update(fresh);
          at += fresh.length;
          yield fresh;
        }
        if (first.size !== undefined && at !== first.size) throw cut(operation, at, first.size);
        break;
      } catch (error) {
        breaks += 1;
        if (!goesOn(error) || breaks > MOST_BREAKS || either.aborted) throw error;
        current.body.destroy();
        current = await wish.openAt(at, first.tag, either);
        if (differs(first.size, current.size) || differs(first.tag, current.tag)) {
          current.body.destroy();
          throw changed(operation);
        }
        skip = at - current.from;
        again = current.from === 0 && at > 0 && wish.from === 0 ? createHash("sha256") : undefined;
      }
    }
    if (wish.sha256 !== undefined && wish.from === 0 && passed.digest("hex") !== wish.sha256.toLowerCase()) {
      throw new TransientError("hash_mismatch", `${operation}: the content has another hash than it should`, {
        operation,
      });
    }
    return undefined;
  }
}

const goesOn = (error: unknown): boolean =>
  error instanceof TransientError && ["connection_lost", "timed_out", "stream_truncated"].includes(error.code);

/** What one of the answers did not tell proves nothing. */
const differs = (before: unknown, after: unknown): boolean =>
  before !== undefined && after !== undefined && before !== after;

const changed = (operation: string): TransientError =>
  new TransientError("download_changed", `${operation}: the file changed while it was read`, { operation });

const cut = (operation: string, at: number, size: number): TransientError =>
  new TransientError("stream_truncated", `${operation}: ended at byte ${at} of ${size}`, { operation });
