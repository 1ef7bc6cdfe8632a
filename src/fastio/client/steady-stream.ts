import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { TransientError } from "../../errors.ts";
import { asError } from "../../http/as-error.ts";

/** A file opened somewhere in it. */
export type Opened = {
  readonly body: Readable;
  /** The byte its first one is; 0 also when another was asked for and the server knows no ranges. */
  readonly from: number;
  /** Bytes of the whole file. */
  readonly size: number | undefined;
  readonly mimeType: string | undefined;
  /** Whether the server says, or has shown, that it can begin anywhere. */
  readonly knowsRanges: boolean;
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
 * Fails with TransientError `download_changed` when the content is another one by then, or cannot be told to be the same,
 * `hash_mismatch` when the whole does not have the hash it should, and with the break itself when it goes on breaking.
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
  const { operation, first, from } = wish;
  const gone = new AbortController();
  // To hash takes as long as all else that is done to the bytes here; a server with ranges never makes it necessary.
  const passed = wish.sha256 === undefined && first.knowsRanges ? undefined : createHash("sha256");
  let current = first;
  let at = from;
  let breaks = 0;
  // Begun past the start, the hash of what came before is unknown, so a restart can only be counted.
  let skip = from - first.from;
  let again: ReturnType<typeof createHash> | undefined;

  const stream = new Readable({
    read: () => current.body.resume(),
    destroy: (error, done) => {
      gone.abort(new Error("the reader went away"));
      current.body.destroy();
      done(error);
    },
  });
  listenTo(current.body);
  return stream;

  function listenTo(body: Readable): void {
    let isOver = false;
    const end = (error?: unknown): void => {
      if (isOver) return;
      isOver = true;
      (error === undefined ? finish() : goOn(error)).catch((reason: unknown) => stream.destroy(asError(reason)));
    };
    body.pause();
    body.on("data", (piece: Buffer) => {
      if (isOver) return;
      try {
        if (!take(piece)) body.pause();
      } catch (error) {
        end(error);
      }
    });
    body.once("end", () =>
      end(first.size === undefined || at === first.size ? undefined : cut(operation, at, first.size)),
    );
    body.on("error", end);
    body.once("close", () => end(body.errored ?? new Error("the transfer was closed before its end")));
    if (body.destroyed) end(body.errored ?? new Error("the transfer was closed before it began"));
  }

  /** @returns whether the reader wants more */
  function take(piece: Buffer): boolean {
    const old = piece.subarray(0, skip);
    skip -= old.length;
    again?.update(old);
    if (skip === 0 && again !== undefined) {
      if (again.digest("hex") !== passed?.copy().digest("hex")) throw changed(operation);
      again = undefined;
    }
    const fresh = old.length === 0 ? piece : piece.subarray(old.length);
    if (fresh.length === 0) return true;
    breaks = 0;
    passed?.update(fresh);
    at += fresh.length;
    return stream.push(fresh);
  }

  async function goOn(error: unknown): Promise<void> {
    breaks += 1;
    if (!goesOn(error) || breaks > MOST_BREAKS || signal.aborted || stream.destroyed) throw error;
    current.body.destroy();
    current = await wish.openAt(at, first.tag, AbortSignal.any([signal, gone.signal]));
    const { body } = current;
    const restarts = current.from === 0 && at > 0 && from === 0;
    if (
      stream.destroyed ||
      differs(first.size, current.size) ||
      differs(first.tag, current.tag) ||
      (restarts && passed === undefined)
    ) {
      body.destroy();
      throw changed(operation);
    }
    skip = at - current.from;
    again = restarts ? createHash("sha256") : undefined;
    listenTo(body);
    body.resume();
  }

  async function finish(): Promise<void> {
    if (wish.sha256 !== undefined && from === 0 && passed?.digest("hex") !== wish.sha256.toLowerCase()) {
      throw new TransientError("hash_mismatch", `${operation}: the content has another hash than it should`, {
        operation,
      });
    }
    stream.push(null);
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
