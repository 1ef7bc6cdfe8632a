#!/usr/bin/env -S node --max-semi-space-size=16 --gc-memory-reducer-start-delay-ms=300000 --v8-pool-size=1
import { existsSync, readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { parseEnv, styleText } from "node:util";
import type { CliContext } from "./cli/context.ts";
import type { FailureCode } from "./errors.ts";
import { openCompileCache } from "./runtime/compile-cache.ts";
import { enableQuickImports } from "./runtime/quick-imports.ts";

// The one file that reads the environment and handles signals.
const ENV_FILE = ".env";
const STDIN = 0;
const STDOUT = 1;
/** EX_CONFIG of sysexits: a supervisor should not start us again before somebody changed something. */
const EXIT_CONFIG = 78;

// First of all, so that it is there for what is loaded below.
openCompileCache();
enableQuickImports();
const [{ runProgram }, { RelayError }, { messageOf }, { createLog }, { textOfFile }, { plainLines }, { wrapWords }] =
  await Promise.all([
    import("./cli/program.ts"),
    import("./errors.ts"),
    import("./message-of.ts"),
    import("./telemetry/log.ts"),
    import("./disk/written-text.ts"),
    import("./text/unseen.ts"),
    import("./text/wrap-words.ts"),
  ]);

if (existsSync(ENV_FILE)) loadEnv();

/** Before anything else, so that it ends the process by itself. What the environment says already stays. */
function loadEnv(): void {
  try {
    const settings = parseEnv(textOfFile(readFileSync(ENV_FILE)));
    for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
  } catch (error) {
    process.stderr.write(`relay: ${ENV_FILE} cannot be read: ${messageOf(error)}\n`);
    process.stderr.write("→ let this user read it, or take it away and set its variables in the environment\n");
    process.exit(EXIT_CONFIG);
  }
}

const exitCodeOf = (code: FailureCode): number => {
  if (code === "usage_invalid") return 2;
  return code === "config_invalid" || code === "rules_invalid" ? EXIT_CONFIG : 1;
};

const stopping = new AbortController();
const stop = (by: string): void => {
  // A second signal means: now.
  if (stopping.signal.aborted) process.exit(1);
  stopping.abort(new Error(`stopped by ${by}`));
};
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stop(name));

/** Who closes the window of a relay means its end. A terminal that hung up is none any more; `nohup` gave none to begin with. */
const hadTerminal = isatty(STDIN);
const hasLostTerminal = (): boolean => hadTerminal && !isatty(STDIN);

/** Node's own answer, which knows NO_COLOR, FORCE_COLOR and terminals without colours. */
const takesColour = (): boolean => styleText("bold", "x", { stream: process.stdout }) !== "x";
const isDumb = process.env["TERM"] === "dumb";
/** Of a terminal that knows its size; one without, as `docker run --tty` may make it, says 0. */
const widthOf = ({ columns }: Pick<NodeJS.WriteStream, "columns">): number | undefined => columns || undefined;
const USUAL_WIDTH = 80;

/** Faults and what to do about them are prose, which a terminal would break in the middle of words. */
const foldedForTerminal = (text: string): string =>
  text
    .split("\n")
    .flatMap((line) => wrapWords(line, widthOf(process.stderr) ?? USUAL_WIDTH, `${/^ */.exec(line)?.[0]}  `))
    .join("\n");

const context: CliContext = {
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(`${process.stderr.isTTY ? foldedForTerminal(text) : text}\n`),
  isTerminal: process.stdout.isTTY && !isDumb,
  hasColour: takesColour(),
  isInteractive: process.stdin.isTTY && process.stdout.isTTY && !isDumb,
  writeProgress: process.stderr.isTTY && !isDumb ? (text) => process.stderr.write(text) : undefined,
  columns: widthOf(process.stdout) ?? USUAL_WIDTH,
  signal: stopping.signal,
  onHangUp: (listener) => {
    const hear = (): void => {
      if (!hasLostTerminal()) listener();
      // The system tells of it, and the shell once more.
      else if (!stopping.signal.aborted) stop("the closing of its terminal");
    };
    process.on("SIGHUP", hear);
    return () => process.off("SIGHUP", hear);
  },
  isWatched: process.stdout.isTTY,
  createLog: (level, format) =>
    createLog(
      level,
      STDOUT,
      format === "json" ? format : { hasColour: takesColour(), columns: () => widthOf(process.stdout) },
    ),
};

// A reader that goes away (a closed pipe) is no fault of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`relay: standard output cannot be written: ${messageOf(error)}\n`);
  process.exit(1);
});

try {
  process.exitCode = await runProgram(process.argv.slice(2), context);
} catch (error) {
  // Who was waited for when somebody pressed Ctrl-C says no more than that.
  const isStopped = stopping.signal.aborted && error === stopping.signal.reason;
  if (!(error instanceof RelayError) && !isStopped) throw error;
  // Faults of settings and rules have a line each.
  context.warn(plainLines(`relay: ${error instanceof RelayError ? error.message : messageOf(error)}`));
  if (error instanceof RelayError && error.nextAction) context.warn(plainLines(`→ ${error.nextAction}`));
  // A database that did not start leaves a timer behind for good. What a pipe has no room for yet is told before.
  process.stdout.write("", () => process.exit(error instanceof RelayError ? exitCodeOf(error.code) : 1));
}
