import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type FastioEmulatorOptions, startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import { pattern } from "./pattern.ts";
import { residentBytes } from "./process-figures.ts";

/** Where the uploading process is killed, as parts of the whole. */
const KILLS = [0.25, 0.5, 0.75];
const CHILD = fileURLToPath(new URL("./transfer-child.ts", import.meta.url));
const SAMPLE_EVERY_MS = 25;

/** What the child tells, one JSON object a line. */
type Told = {
  readonly uploadId?: string;
  readonly sentBytes?: number;
  readonly nodeId?: string;
  readonly sha256?: string;
  readonly sentByThisProcess?: number;
};

/** One life of a child. */
export type Life = {
  readonly last: Told;
  /** Resident memory, Linux only. */
  readonly growthBytes: number;
  readonly seconds: number;
  readonly killed: boolean;
};

export type Transfer = {
  /** Hashes in hex: of what was meant, of what the server has, of what came back. */
  readonly wanted: string;
  readonly stored: string | undefined;
  readonly returned: string | undefined;
  readonly ups: readonly Life[];
  readonly down: Life;
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
    const ups: Life[] = [];
    for (const killAt of [...KILLS, undefined]) {
      const up = await live(["upload", fastio.apiUrl, String(size), uploadId], (told, kill) => {
        uploadId = told.uploadId ?? uploadId;
        if (killAt !== undefined && (told.sentBytes ?? 0) >= size * killAt) kill();
      });
      ups.push(up);
    }
    const down = await live(["download", fastio.apiUrl, ups.at(-1)?.last.nodeId ?? ""], () => {});
    const stored = fastio.books().files.find((file) => file.name === "large.bin")?.sha256;
    return { wanted: wanted.digest("hex"), stored, returned: down.last.sha256, ups, down };
  } finally {
    await fastio.close();
  }
}

async function live(args: readonly string[], hear: (told: Told, kill: () => void) => void): Promise<Life> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  let last: Told = {};
  let before = 0;
  let peak = 0;
  let startedMs = 0;
  const meter = setInterval(() => {
    peak = Math.max(peak, residentBytes(child.pid));
  }, SAMPLE_EVERY_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    last = { ...last, ...(JSON.parse(line) as Told) };
    // The first line says that everything is loaded and nothing sent.
    if (before === 0) {
      before = residentBytes(child.pid);
      startedMs = performance.now();
    }
    hear(last, () => child.kill("SIGKILL"));
  }
  const signal = await ended;
  clearInterval(meter);
  return {
    last,
    growthBytes: peak - before,
    seconds: (performance.now() - startedMs) / 1_000,
    killed: signal === "SIGKILL",
  };
}
