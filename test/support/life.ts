import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { residentBytes } from "./process-figures.ts";
import { NODE_FLAGS } from "./relay-process.ts";

const SAMPLE_EVERY_MS = 25;

/** One life of a child process. */
export type Life<Told extends object> = {
  /** All that it told; what came later stands in place of what came before. */
  readonly last: Partial<Told>;
  /** Of resident memory, since its first line. Linux only. */
  readonly growthBytes: number;
  /** From its first line to its end. */
  readonly seconds: number;
  readonly killed: boolean;
};

/**
 * Starts a program of Node and waits for its end. It tells JSON objects, one a line; the first says that everything is
 * loaded and nothing of what is measured has begun.
 */
export async function live<Told extends object>(
  file: string,
  args: readonly string[],
  hear: (told: Partial<Told>, kill: () => void) => void = () => {},
): Promise<Life<Told>> {
  const child = spawn(process.execPath, [...NODE_FLAGS, file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  let last: Partial<Told> = {};
  let before = 0;
  let peak = 0;
  let startedMs = 0;
  const meter = setInterval(() => {
    peak = Math.max(peak, residentBytes(child.pid));
  }, SAMPLE_EVERY_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    last = { ...last, ...(JSON.parse(line) as Partial<Told>) };
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
