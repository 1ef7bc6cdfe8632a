import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { relayEnvironment } from "./relay-environment.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export type CommandResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs `relay …` to its end, in an environment of its own. */
export function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  cwd: string = process.cwd(),
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: relayEnvironment(environment),
      stdio: ["ignore", "pipe", "pipe"],
      cwd,
    });
    let stdout = "";
    let stderr = "";
    // A letter of several bytes may come in pieces.
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}
