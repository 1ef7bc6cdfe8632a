import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import { pattern } from "./pattern.ts";

const MIB = 1_048_576;
const DEFAULT_MIB = 2_048;
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

type Ended = { readonly last: Told; readonly growthBytes: number; readonly seconds: number; readonly killed: boolean };

/**
 * One large file up in chunks by a process that is killed three times and goes on from the server's chunk map, then down again.
 * `npm run bench -- transfer [MIB]`
 */
export async function benchTransfer(args: readonly string[]): Promise<void> {
  const size = Number(args[0] ?? DEFAULT_MIB) * MIB;
  const fastio = await startFastioEmulator({ maxFileBytes: 2 * size });
  try {
    const wanted = createHash("sha256");
    for await (const piece of pattern(0, size)) wanted.update(piece);
    const sha256 = wanted.digest("hex");

    let uploadId = "";
    const ups: Ended[] = [];
    for (const killAt of [...KILLS, undefined]) {
      const up = await run(["upload", fastio.apiUrl, String(size), uploadId], (told, kill) => {
        uploadId = told.uploadId ?? uploadId;
        if (killAt !== undefined && (told.sentBytes ?? 0) >= size * killAt) kill();
      });
      ups.push(up);
    }
    const nodeId = ups.at(-1)?.last.nodeId ?? "";
    const down = await run(["download", fastio.apiUrl, nodeId], () => {});

    const stored = fastio.books().files.find((file) => file.name === "large.bin");
    console.log(`file                    ${size / MIB} MiB`);
    console.log(`killed                  ${ups.filter(({ killed }) => killed).length} times with SIGKILL`);
    console.log(`sent by the last life   ${((ups.at(-1)?.last.sentByThisProcess ?? 0) / size).toFixed(2)} of the file`);
    console.log(`hash of what is stored  ${stored?.sha256 === sha256 ? "equal" : "DIFFERENT"}`);
    console.log(`hash of what came back  ${down.last.sha256 === sha256 ? "equal" : "DIFFERENT"}`);
    console.log(
      `growth, each upload     ${ups.map(({ growthBytes }) => `${(growthBytes / MIB).toFixed(0)} MiB`).join(", ")}`,
    );
    console.log(`growth, download        ${(down.growthBytes / MIB).toFixed(0)} MiB`);
    console.log(`download                ${(size / MIB / down.seconds).toFixed(0)} MiB/s, hashing included`);
    if (stored?.sha256 !== sha256 || down.last.sha256 !== sha256) process.exitCode = 1;
  } finally {
    await fastio.close();
  }
}

async function run(args: readonly string[], hear: (told: Told, kill: () => void) => void): Promise<Ended> {
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

/** Linux only; 0 for a process that is gone. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}
