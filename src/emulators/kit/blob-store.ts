import { createHash, hash as hashOf } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32c } from "./crc32c.ts";

/** One stored content. Size in bytes, hash in lower-case hexadecimal. */
export type Blob = { readonly key: string; readonly size: number; readonly sha256: string };

/** A content is longer than its limit. The source was read to its end, so the sender can be answered. */
export class BlobTooLargeError extends Error {
  readonly maxBytes: number;
  constructor(maxBytes: number) {
    super(`the content is longer than ${maxBytes} bytes`);
    this.name = new.target.name;
    this.maxBytes = maxBytes;
  }
}

/** Contents on disk, in a temporary folder of their own, small ones in memory; what that takes has a limit. */
export type BlobStore = {
  /** @throws {BlobTooLargeError} past `maxBytes`; nothing is kept then */
  put(source: AsyncIterable<Uint8Array | string>, options?: { maxBytes?: number }): Promise<Blob>;
  /** The bytes from `start` up to and including `end`, as HTTP ranges count; all of them without a range. */
  open(key: string, range?: { start: number; end: number }): Readable;
  /** A new content made of others, in order; they stay. */
  concat(keys: readonly string[]): Promise<Blob>;
  /** `crc32c`, or any hash that node:crypto knows, of one content or of several in order; in lower-case hexadecimal. */
  hash(keys: string | readonly string[], algorithm: string): Promise<string>;
  remove(key: string): Promise<void>;
  has(key: string): Promise<boolean>;
  /** Removes the folder with everything in it. */
  close(): Promise<void>;
};

/** Contents up to this are held in memory, as long as all of them come to no more than the other. */
const SMALL_BYTES = 16 * 1_024;
const MOST_HELD_BYTES = 64 * 1_048_576;

/** How long a folder lies untouched before it is taken for left behind. */
const LEFT_BEHIND_MS = 3_600_000;

/** @param within where its folder is made; and where those of processes that were killed are removed */
export async function createBlobStore({
  newId,
  within = tmpdir(),
}: {
  newId: () => string;
  within?: string;
}): Promise<BlobStore> {
  await removeLeftBehind(within);
  const folder = await mkdtemp(join(within, `emulator-${process.pid}-`));
  const fileOf = (key: string) => join(folder, encodeURIComponent(key));

  /** Small contents, which are many: a file for each would be most of the work of a whole request. */
  const small = new Map<string, Buffer>();
  let heldBytes = 0;

  const hold = (key: string, bytes: Buffer): Blob => {
    small.set(key, bytes);
    heldBytes += bytes.length;
    return { key, size: bytes.length, sha256: hashOf("sha256", bytes) };
  };

  const write = async (key: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Blob> => {
    const sha256 = createHash("sha256");
    let size = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        size += chunk.length;
        if (size > maxBytes) return done();
        sha256.update(chunk);
        done(null, chunk);
      },
    });
    try {
      await pipeline(source, measure, createWriteStream(fileOf(key)));
      if (size > maxBytes) throw new BlobTooLargeError(maxBytes);
    } catch (error) {
      await rm(fileOf(key), { force: true });
      throw error;
    }
    return { key, size, sha256: sha256.digest("hex") };
  };

  const put: BlobStore["put"] = async (source, { maxBytes = Number.POSITIVE_INFINITY } = {}) => {
    const key = newId();
    const pieces = source[Symbol.asyncIterator]();
    const begun: Buffer[] = [];
    let size = 0;
    const next = async (): Promise<Buffer | undefined> => {
      const { done, value } = await pieces.next();
      return done === true ? undefined : Buffer.isBuffer(value) ? value : Buffer.from(value);
    };
    try {
      while (size <= SMALL_BYTES && heldBytes < MOST_HELD_BYTES) {
        const piece = await next();
        if (piece === undefined) {
          if (size > maxBytes) throw new BlobTooLargeError(maxBytes);
          return hold(key, Buffer.concat(begun));
        }
        begun.push(piece);
        size += piece.length;
      }
      const all = async function* (): AsyncGenerator<Buffer> {
        yield* begun;
        for (let piece = await next(); piece !== undefined; piece = await next()) yield piece;
      };
      return await write(key, all(), maxBytes);
    } finally {
      await pieces.return?.();
    }
  };

  const open: BlobStore["open"] = (key, range) => {
    // Node refuses an end before the start; an empty range is an empty stream.
    if (range !== undefined && range.end < range.start) return Readable.from([]);
    const held = small.get(key);
    if (held === undefined) return createReadStream(fileOf(key), range);
    const bytes = range === undefined ? held : held.subarray(range.start, range.end + 1);
    return Readable.from(bytes.length === 0 ? [] : [bytes]);
  };

  async function* readAll(keys: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const key of keys) yield* open(key);
  }

  return {
    put,
    open,
    concat: (keys) => put(readAll(keys)),
    hash: async (keys, algorithm) => {
      const bytes = readAll(typeof keys === "string" ? [keys] : keys);
      if (algorithm === "crc32c") return crc32c(bytes);
      const held = typeof keys === "string" ? small.get(keys) : undefined;
      if (held !== undefined) return hashOf(algorithm, held);
      const hash = createHash(algorithm);
      await pipeline(bytes, hash);
      return hash.digest("hex");
    },
    remove: async (key) => {
      heldBytes -= small.get(key)?.length ?? 0;
      if (!small.delete(key)) await rm(fileOf(key), { force: true });
    },
    has: async (key) =>
      small.has(key) ||
      stat(fileOf(key)).then(
        () => true,
        () => false,
      ),
    close: async () => {
      small.clear();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Folders of processes that had no time to remove them. A process of another container may have its folder here and
 * no number that means something to us, hence the age.
 */
async function removeLeftBehind(within: string): Promise<void> {
  for (const name of await readdir(within)) {
    const pid = Number(/^emulator-(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    const folder = join(within, name);
    // Another process may remove it at the same time.
    const touchedMs = await stat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (touchedMs === undefined || Date.now() - touchedMs < LEFT_BEHIND_MS) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"; // it is somebody else's
  }
}
