import type { CliContext } from "../../src/cli/context.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { Environment } from "../../src/config.ts";
import { RelayError } from "../../src/errors.ts";
import { silentLog } from "../../src/telemetry/log.ts";

export type Told = {
  /** What a command says, line by line, as it comes. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
};

/** A process for a command that runs inside the test: no terminal, and what is printed is kept. */
export function cliContext(
  environment: Environment,
  change: Partial<CliContext> = {},
): { readonly context: CliContext; readonly told: Told } {
  const lines: string[] = [];
  const warnings: string[] = [];
  const context: CliContext = {
    environment,
    print: (line) => lines.push(line),
    write: (text) => lines.push(text),
    warn: (line) => warnings.push(line),
    isTerminal: false,
    isWatched: false,
    hasColour: false,
    isInteractive: false,
    columns: 80,
    signal: new AbortController().signal,
    onHangUp: () => () => undefined,
    createLog: () => silentLog,
    ...change,
  };
  return { context, told: { lines, warnings } };
}

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/**
 * Runs `relay …` inside the test, where a process of its own would promise nothing more: starting one takes a second.
 * @returns its exit code, failures included, and what it said, as `runCommand` tells it
 */
export async function runInProcess(args: readonly string[], environment: Environment = {}): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  const write = (text: string): void => {
    stdout += text;
  };
  const warn = (line: string): void => {
    stderr += `${line}\n`;
  };
  const { context } = cliContext(environment, { print: (line) => write(`${line}\n`), write, warn });
  let code: number;
  try {
    code = await runProgram(args, context);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    warn(`relay: ${error.message}`);
    if (error.nextAction) warn(`→ ${error.nextAction}`);
    code =
      error.code === "usage_invalid" ? 2 : error.code === "config_invalid" || error.code === "rules_invalid" ? 78 : 1;
  }
  return { code, stdout, stderr };
}
