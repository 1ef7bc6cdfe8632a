import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export type ServerCommand = {
  readonly program: string;
  readonly args: readonly string[];
  /** Holds everything the server writes; removed with it. */
  readonly folder: string;
  /** Default: ours. */
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** How to end it at once, as a crash would. */
  readonly crashSignal: NodeJS.Signals;
  /** A kill is SIGKILL to it and to the processes it has begun. */
  readonly diesWithChildren?: boolean;
  /** How to ask it to leave. */
  readonly stopSignal: NodeJS.Signals;
  /** Resolves when it answers, rejects when it does not yet. */
  readonly answers: () => Promise<void>;
};

/** A server process that can be killed and started again on the same port and folder. */
export type ChildServer = {
  readonly pid: number;
  /** Ends it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it after a kill, and waits until it answers. */
  start(): Promise<void>;
  /** Ends it for good and removes its folder. */
  stop(): Promise<void>;
};

const START_DEADLINE_MS = 120_000;
const BURIAL_DEADLINE_MS = 1_000;
/** Above what services are used to; Linux gives to those who ask for any port the ones from 32768 on, others higher ones. */
const LOWEST_PORT = 12_000;
const FIRST_GIVEN_PORT = 32_768;

export async function startChildServer(command: ServerCommand): Promise<ChildServer> {
  let child: ChildProcess | undefined;
  let keeper: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const log = openSync(join(command.folder, "server.log"), "a");
    const started = spawn(command.program, command.args, {
      cwd: command.folder,
      stdio: ["ignore", log, log],
      ...(command.env === undefined ? {} : { env: command.env }),
      ...(command.uid === undefined ? {} : { uid: command.uid }),
      ...(command.gid === undefined ? {} : { gid: command.gid }),
    });
    closeSync(log);
    await once(started, "spawn");
    child = started;
    keeper = endWithUs(pidOf(started), command.crashSignal, command.folder);
    try {
      await untilItAnswers(started, command);
    } catch (error) {
      await end(command.crashSignal);
      throw error;
    }
  };

  const end = async (signal: NodeJS.Signals, withChildren = false): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending && ending.exitCode === null && ending.signalCode === null) {
      const gone = once(ending, "exit");
      const children = withChildren ? childrenOf(pidOf(ending)) : [];
      ending.kill(signal);
      await gone;
      await endAll(children);
    }
    keeper?.kill("SIGKILL");
    keeper = undefined;
  };

  const stop = async (): Promise<void> => {
    await end(command.stopSignal);
    await rm(command.folder, { recursive: true, force: true });
  };

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get pid() {
      return child ? pidOf(child) : -1;
    },
    kill: () => (command.diesWithChildren ? end("SIGKILL", true) : end(command.crashSignal)),
    start,
    stop,
  };
}

/**
 * A loopback port that was free a moment ago, and that nobody gets by chance until it is listened on, or while its
 * process is dead: connections and servers that ask for any port are given those above.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, FIRST_GIVEN_PORT);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

/**
 * A shell that outlives us: the end of its standard input is the end of this process, however it came, and then it ends
 * another and removes a folder. To be killed when it is not needed any more.
 */
export function endWithUs(pid: number, signal: NodeJS.Signals, folder = ""): ChildProcess {
  const script = 'read -r _; kill -s "$1" "$2"; [ -z "$3" ] || { sleep 1; rm -rf "$3"; }';
  const keeper = spawn("/bin/sh", ["-c", script, "keeper", signal.replace("SIG", ""), String(pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  keeper.unref();
  return keeper;
}

async function untilItAnswers(child: ChildProcess, { program, folder, answers }: ServerCommand): Promise<void> {
  const deadlineMs = Date.now() + START_DEADLINE_MS;
  for (;;) {
    try {
      await answers();
      return;
    } catch (error) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadlineMs) {
        const log = readFileSync(join(folder, "server.log"), "utf8").slice(-2_000);
        throw new Error(`${program} did not start:\n${log}`, { cause: error });
      }
      await delay(20);
    }
  }
}

/** Processes that this one has begun. */
function childrenOf(pid: number): readonly number[] {
  const list = `/proc/${pid}/task/${pid}/children`;
  const text = existsSync(list)
    ? readFileSync(list, "utf8")
    : execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" });
  return text.split(/\s+/).filter(Boolean).map(Number);
}

/** SIGKILL to all of them; resolves when they are gone, or nobody has buried them in time. */
async function endAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) sendSignal(pid, "SIGKILL");
  const deadlineMs = Date.now() + BURIAL_DEADLINE_MS;
  while (pids.some((pid) => sendSignal(pid, 0)) && Date.now() < deadlineMs) await delay(5);
}

/** @returns whether there was such a process */
function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("the process did not start");
  return child.pid;
}
