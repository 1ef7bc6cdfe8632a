import { createReadStream, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { PermanentError } from "../errors.ts";

/** A file to drop: a name, a size, and its bytes as often as they are asked for. */
export type SampleFile = { readonly name: string; readonly size: number; readonly open: () => Readable };

const EXAMPLES = fileURLToPath(new URL("../../examples/files", import.meta.url));

/** The files of examples/files, and one of 20 MB made on the fly. */
export function sampleFiles(): readonly SampleFile[] {
  const committed = readdirSync(EXAMPLES)
    .sort()
    .map((name) => fromDisk(join(EXAMPLES, name)));
  return [...committed, tone("recording.wav", 20_000_000)];
}

/** @throws {PermanentError} `usage_invalid` for what is no readable file, and for two of one name */
export function ownFiles(paths: readonly string[]): readonly SampleFile[] {
  const names = new Set<string>();
  return paths.map((path) => {
    const name = basename(path);
    if (names.has(name)) {
      throw new PermanentError("usage_invalid", `several files are called ${name}`, {
        nextAction: "give files of different names: in one folder, Fast.io takes the later for a version of the first",
      });
    }
    names.add(name);
    try {
      if (statSync(path).isFile()) return fromDisk(path);
    } catch {
      // Said below, in the same words as for a folder.
    }
    throw new PermanentError("usage_invalid", `${path} is not a file that can be read`);
  });
}

function fromDisk(path: string): SampleFile {
  return { name: basename(path), size: statSync(path).size, open: () => createReadStream(path) };
}

const SAMPLE_RATE = 44_100;
const HEADER_BYTES = 44;
const PIECE_BYTES = 65_536;

/** A sound file of a given size: 440 Hz, mono, 16 bit. It can be played. */
function tone(name: string, size: number): SampleFile {
  return {
    name,
    size,
    open: () =>
      Readable.from(
        (function* () {
          yield waveHeader(size - HEADER_BYTES);
          for (let at = HEADER_BYTES; at < size; at += PIECE_BYTES) {
            yield sine(at - HEADER_BYTES, Math.min(PIECE_BYTES, size - at));
          }
        })(),
        { objectMode: false },
      ),
  };
}

function waveHeader(dataBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("RIFF", 0);
  header.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

/** @param startByte even; where in the sound these bytes stand */
function sine(startByte: number, bytes: number): Buffer {
  const piece = Buffer.alloc(bytes);
  for (let offset = 0; offset + 1 < bytes; offset += 2) {
    const sample = (startByte + offset) / 2;
    piece.writeInt16LE(Math.round(8_000 * Math.sin((2 * Math.PI * 440 * sample) / SAMPLE_RATE)), offset);
  }
  return piece;
}
