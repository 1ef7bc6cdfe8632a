import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";

/** One file of an archive, or a folder when there is nothing to open. */
export type ZipEntry = {
  /** `/`-separated; a folder's ends in a slash. */
  readonly path: string;
  readonly modifiedMs: number;
  readonly open: (() => Readable) | undefined;
};

/** Sizes stand in the data descriptor after the bytes; names are UTF-8. */
const FLAGS = 0x0808;
const VERSION = 20;

function dosTime(ms: number): { readonly time: number; readonly date: number } {
  const at = new Date(ms);
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1);
  return { time, date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate() };
}

/** The fields local and central headers share: version to flags, time, and what is known of crc and sizes. */
function common(entry: ZipEntry, crc: number, size: number, nameLength: number): Buffer {
  const { time, date } = dosTime(entry.modifiedMs);
  const head = Buffer.alloc(26);
  head.writeUInt16LE(VERSION, 0);
  head.writeUInt16LE(FLAGS, 2);
  head.writeUInt16LE(0, 4);
  head.writeUInt16LE(time, 6);
  head.writeUInt16LE(date, 8);
  head.writeUInt32LE(crc, 10);
  head.writeUInt32LE(size, 14);
  head.writeUInt32LE(size, 18);
  head.writeUInt16LE(nameLength, 22);
  return head;
}

const signature = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/**
 * An archive without compression, written while it is sent.
 *
 * @see the PKWARE APPNOTE 6.3, sections 4.3.7 to 4.3.16; without ZIP64, so up to 4 GiB and 65,535 entries
 */
export async function* writeZip(entries: readonly ZipEntry[]): AsyncGenerator<Buffer> {
  const central: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.path);
    const start = offset;
    const local = Buffer.concat([signature(0x04034b50), common(entry, 0, 0, name.length), name]);
    yield local;
    let crc = 0;
    let size = 0;
    for await (const part of entry.open?.() ?? []) {
      const bytes = Buffer.from(part);
      crc = crc32(bytes, crc);
      size += bytes.length;
      yield bytes;
    }
    const tail = Buffer.alloc(16);
    tail.writeUInt32LE(0x08074b50, 0);
    tail.writeUInt32LE(crc, 4);
    tail.writeUInt32LE(size, 8);
    tail.writeUInt32LE(size, 12);
    yield tail;
    offset += local.length + size + tail.length;
    const rest = Buffer.alloc(14);
    // External attributes: the folder bit of MS-DOS.
    rest.writeUInt32LE(entry.open ? 0 : 0x10, 6);
    rest.writeUInt32LE(start, 10);
    const madeBy = Buffer.from([VERSION, 0]);
    central.push(Buffer.concat([signature(0x02014b50), madeBy, common(entry, crc, size, name.length), rest, name]));
  }
  const directory = Buffer.concat(central);
  yield directory;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  yield end;
}
