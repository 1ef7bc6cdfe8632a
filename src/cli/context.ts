import type { Environment } from "../config.ts";
import type { Log, LogLevel } from "../telemetry/log.ts";

/** What a command gets from the process it runs in. */
export type CliContext = {
  readonly environment: Environment;
  /** One line to standard output. */
  readonly print: (line: string) => void;
  /** Text as it is, for screens that are redrawn. */
  readonly write: (text: string) => void;
  /** One line to standard error. */
  readonly warn: (line: string) => void;
  /** Standard output is a terminal that takes cursor movement. */
  readonly isTerminal: boolean;
  /** Standard output takes colours; NO_COLOR and FORCE_COLOR have been asked. */
  readonly hasColour: boolean;
  /** Somebody sits there who can be asked: standard input and output are a terminal. */
  readonly isInteractive: boolean;
  /** Text as it is to standard error, for progress that is redrawn; absent where that is no terminal. */
  readonly writeProgress?: ((text: string) => void) | undefined;
  /** Columns of that terminal. */
  readonly columns: number;
  /** Aborts at SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Calls back at each SIGHUP, which ends the process while nobody listens. @returns ends the listening */
  readonly onHangUp: (listener: () => void) => () => void;
  /** Standard output is a terminal, be it one that takes nothing but lines. */
  readonly isWatched: boolean;
  /** A log of this level on standard output, for programs or for people. */
  readonly createLog: (level: LogLevel, format: "json" | "text") => Log;
};

/** 0 done, 1 failed, 2 usage, 78 configuration (EX_CONFIG of sysexits). */
export type ExitCode = 0 | 1 | 2 | 78;

/** Resolves when the signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
