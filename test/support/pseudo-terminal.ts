import { type ChildProcess, spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { findTerminalMaker } from "./find-programs.ts";
import { relayEnvironment } from "./relay-environment.ts";

/** What keys send. */
export const KEYS = { enter: "\r", down: "\u001B[B", up: "\u001B[A", ctrlC: "\u0003" } as const;

/** A command in a terminal of its own, for a test to read and type into as a person would. */
export type PseudoTerminal = {
  /** Waits for words that were not waited for before. @returns the match */
  until(words: RegExp): Promise<RegExpExecArray>;
  type(keys: string): void;
  /** Everything that was on the screen, without colours and cursor movement. */
  text(): string;
  /** The same with them. */
  screen(): string;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
  kill(): void;
};

const PATIENCE_MS = 120_000;
const PYTHON = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/** @param command a program and its arguments, which hold no quotes */
export function openPseudoTerminal(
  command: readonly string[],
  options: {
    readonly cwd: string;
    readonly environment: Readonly<Record<string, string>>;
    /** 0: it does not know its size, as a new one does not. */
    readonly columns?: number;
  },
): PseudoTerminal {
  const maker = findTerminalMaker();
  if (!maker) throw new Error("this machine makes no pseudo-terminals");
  const sized = `stty cols ${options.columns ?? 110} rows 40; exec ${command.map((part) => `'${part}'`).join(" ")}`;
  const args =
    maker.kind === "script"
      ? ["--quiet", "--return", "--flush", "--command", sized, "/dev/null"]
      : ["-c", PYTHON, "/bin/sh", "-c", sized];
  const child: ChildProcess = spawn(maker.program, args, {
    cwd: options.cwd,
    env: relayEnvironment({ TERM: "xterm-256color", SHELL: "/bin/sh", ...options.environment }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let screen = "";
  let read = 0;
  const listeners = new Set<() => void>();
  const hear = (chunk: string): void => {
    screen += chunk;
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    // Letters may come in two pieces.
    stream?.setEncoding("utf8");
    stream?.on("data", hear);
  }
  let isOver = false;
  const ended = new Promise<number | null>((resolve) => {
    // Its last words included, which may come after its end.
    child.once("close", (code) => {
      isOver = true;
      resolve(code);
      for (const listener of listeners) listener();
    });
  });
  const text = (): string => stripVTControlCharacters(screen);

  const until = (words: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        stop();
        reject(new Error(`${why} before ${words}:\n${text().slice(read)}`));
      };
      const look = (): void => {
        const found = words.exec(text().slice(read));
        if (found) {
          read += found.index + found[0].length;
          stop();
          resolve(found);
        } else if (isOver) fail("it ended");
      };
      const timer = setTimeout(() => fail("it took too long"), PATIENCE_MS);
      const stop = (): void => {
        clearTimeout(timer);
        listeners.delete(look);
      };
      listeners.add(look);
      look();
    });

  return {
    until,
    type: (keys) => void child.stdin?.write(keys),
    text,
    screen: () => screen,
    ended,
    kill: () => void child.kill("SIGKILL"),
  };
}
