import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { findPostgres, findRedis } from "../../support/find-programs.ts";

/** What figures depend on. */
export type Machine = {
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** As the programs tell it; null when they are not there. */
  readonly postgres: string | null;
  readonly redis: string | null;
};

export function readMachine(): Machine {
  const postgres = findPostgres()?.postgres;
  const redis = findRedis();
  return {
    system: readSystem(),
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1_073_741_824),
    node: process.versions.node,
    postgres: postgres === undefined ? null : versionIn(tell(postgres, ["--version"])),
    redis: redis === undefined ? null : versionIn(tell(redis, ["--version"])),
  };
}

/** The commit that is measured, with `+` when files differ from it. */
export function readCommit(): string {
  const commit = tell("git", ["rev-parse", "--short=12", "HEAD"]).trim();
  if (commit === "") return "unknown";
  // What the command itself writes does not change what was measured.
  return tell("git", ["status", "--porcelain", "--", ".", ":!docs"]).trim() === "" ? commit : `${commit}+`;
}

const versionIn = (text: string): string => /\d+(\.\d+)+/.exec(text)?.[0] ?? "unknown";

function tell(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}

function readSystem(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}
