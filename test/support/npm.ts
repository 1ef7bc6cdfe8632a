import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MOST_BYTES = 64 * 1_048_576;

export type NpmAnswer = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs the npm of this machine in the project. */
export function npm(args: readonly string[]): NpmAnswer {
  const { status, stdout, stderr, error } = spawnSync("npm", args, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: MOST_BYTES,
    shell: process.platform === "win32",
  });
  if (error) throw error;
  return { status: status ?? 1, stdout, stderr };
}
