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

/** Runs `relay …` inside the test. @returns its exit code, failures included, and what it said */
export async function runInProcess(args: readonly string[], environment: Environment = {}): Promise<Outcome> {
  const { context, told } = cliContext(environment);
  let code: number;
  try {
    code = await runProgram(args, context);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    context.warn(error.message);
    if (error.nextAction) context.warn(error.nextAction);
    code =
      error.code === "usage_invalid" ? 2 : error.code === "config_invalid" || error.code === "rules_invalid" ? 78 : 1;
  }
  return { code, stdout: told.lines.join("\n"), stderr: told.warnings.join("\n") };
}
