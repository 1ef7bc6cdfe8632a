import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { endWithUs } from "./child-server.ts";
import { relayEnvironment } from "./relay-environment.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** As the scripts, the image and the program itself have it. */
export const NODE_FLAGS = [
  "--max-semi-space-size=16",
  "--gc-memory-reducer-start-delay-ms=300000",
  "--v8-pool-size=1",
] as const;
const START_TIMEOUT_MS = 300_000;
const STARTED = /"event":"relay\.started"/;

export type RelayProcess = {
  readonly pid: number;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and wait for its end. @returns its exit code */
  stop(): Promise<number | null>;
  /** Resolves when it has ended, however that came. */
  readonly ended: Promise<number | null>;
  /** What it printed: all of it, unless somebody else takes it. */
  output(): string;
};

/** One that has just begun. */
export type LaunchedRelay = RelayProcess & {
  /** Resolves when it says that it has started; rejects when it ends before, or takes too long. */
  readonly ready: Promise<void>;
};

export type LaunchOptions = {
  /** What it says when it is ready. Default: that the relay has started. */
  readonly readyWhen?: RegExp;
  /** Gets what is printed; what comes after it is ready is kept by nobody else then. */
  readonly onOutput?: (text: string) => void;
};

/** Starts `relay start` (or another command) as a process of its own, ready when it says so. */
export async function startRelayProcess(
  environment: Readonly<Record<string, string>>,
  args: readonly string[] = ["start"],
  readyWhen: RegExp = STARTED,
): Promise<RelayProcess> {
  const relay = launchRelayProcess(environment, args, { readyWhen });
  try {
    await relay.ready;
  } catch (error) {
    await relay.kill();
    throw error;
  }
  return relay;
}

/** The same for who cannot wait until it is ready: it may have to be killed before. */
export function launchRelayProcess(
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
  { readyWhen = STARTED, onOutput }: LaunchOptions = {},
): LaunchedRelay {
  const child: ChildProcess = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args], {
    env: relayEnvironment(environment),
    stdio: ["ignore", "pipe", "pipe"],
    cwd: environment["TEST_FOLDER"] ?? process.cwd(),
  });
  // Else a test run that is killed leaves relays behind, which go on asking for work.
  const keeper = child.pid === undefined ? undefined : endWithUs(child.pid, "SIGKILL");
  let output = "";
  let said = false;
  const ended = new Promise<number | null>((resolve) =>
    // Its last words included.
    child.once("close", (code) => {
      keeper?.kill("SIGKILL");
      resolve(code);
    }),
  );
  const ready = new Promise<void>((resolve, reject) => {
    const take = (text: string): void => {
      onOutput?.(text);
      if (!said || !onOutput) output += text;
      // Only until then: output may grow to megabytes.
      if (said) return;
      said = readyWhen.test(output);
      if (said) resolve();
    };
    // A letter of several bytes may come in pieces.
    child.stdout?.setEncoding("utf8").on("data", take);
    child.stderr?.setEncoding("utf8").on("data", take);
    child.once("error", reject);
    void ended.then((code) => reject(new Error(`relay ended with ${code} before it was ready:\n${output}`)));
    setTimeout(() => reject(new Error(`relay was not ready in time:\n${output}`)), START_TIMEOUT_MS).unref();
  });
  ready.catch(() => undefined); // for who does not ask
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  return {
    pid: child.pid ?? 0,
    kill: async () => {
      await end("SIGKILL");
    },
    stop: () => end("SIGTERM"),
    ended,
    output: () => output,
    ready,
  };
}
