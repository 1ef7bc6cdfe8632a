import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type FastioEmulatorOptions, startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import { type Life, live } from "./life.ts";
import { pattern } from "./pattern.ts";

/** Where the uploading process is killed, as parts of the whole. */
const KILLS = [0.25, 0.5, 0.75];
const CHILD = fileURLToPath(new URL("./transfer-child.ts", import.meta.url));

/** What the child tells, one JSON object a line. */
type Told = {
  readonly uploadId?: string;
  readonly sentBytes?: number;
  readonly nodeId?: string;
  readonly sha256?: string;
  readonly sentByThisProcess?: number;
};

export type Transfer = {
  /** Hashes in hex: of what was meant, of what the server has, of what came back. */
  readonly wanted: string;
  readonly stored: string | undefined;
  readonly returned: string | undefined;
  readonly ups: readonly Life<Told>[];
  readonly down: Life<Told>;
};

/**
 * One file up in chunks by a process that is killed three times with SIGKILL and goes on from the server's chunk map,
 * then down again by another.
 */
export async function transferThroughKills(size: number, server: FastioEmulatorOptions = {}): Promise<Transfer> {
  const fastio = await startFastioEmulator({ maxFileBytes: 2 * size, ...server });
  try {
    const wanted = createHash("sha256");
    for await (const piece of pattern(0, size)) wanted.update(piece);

    let uploadId = "";
    const ups: Life<Told>[] = [];
    for (const killAt of [...KILLS, undefined]) {
      const up = await live<Told>(CHILD, ["upload", fastio.apiUrl, String(size), uploadId], (told, kill) => {
        uploadId = told.uploadId ?? uploadId;
        if (killAt !== undefined && (told.sentBytes ?? 0) >= size * killAt) kill();
      });
      ups.push(up);
    }
    const down = await live<Told>(CHILD, ["download", fastio.apiUrl, ups.at(-1)?.last.nodeId ?? ""]);
    const stored = fastio.books().files.find((file) => file.name === "large.bin")?.sha256;
    return { wanted: wanted.digest("hex"), stored, returned: down.last.sha256, ups, down };
  } finally {
    await fastio.close();
  }
}
