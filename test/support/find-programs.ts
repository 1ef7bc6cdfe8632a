import { spawnSync } from "node:child_process";
import { accessSync, constants, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";

/** First executable of these names in these folders, or on the search path. */
export function findProgram(names: readonly string[], folders: readonly string[] = searchPath()): string | undefined {
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

export type PostgresPrograms = { readonly postgres: string; readonly initdb: string };

/** PostgreSQL's server and its `initdb`; Debian keeps them off the search path, by version. */
export function findPostgres(): PostgresPrograms | undefined {
  const folders = [...debianFolders(), ...searchPath()];
  const postgres = findProgram(["postgres"], folders);
  const initdb = findProgram(["initdb"], folders);
  return postgres && initdb ? { postgres, initdb } : undefined;
}

export function findRedis(): string | undefined {
  return findProgram(["redis-server", "valkey-server"]);
}

/** Cloudflare's runtime, as npm installed it; undefined where it does not run (it needs glibc, and a known platform). */
export function findWorkerd(): string | undefined {
  try {
    const { default: program }: { readonly default: string } = createRequire(import.meta.url)("workerd");
    return spawnSync(program, ["--version"]).status === 0 ? program : undefined;
  } catch {
    return undefined; // there is no package for this platform
  }
}

/** A program that runs a command in a pseudo-terminal: util-linux's `script`, which Debian always has, or Python. */
export function findTerminalMaker(): { readonly kind: "script" | "python"; readonly program: string } | undefined {
  const script = findProgram(["script"]);
  // That of BSD and macOS knows other options.
  if (script !== undefined && /util-linux/.test(spawnSync(script, ["--version"]).stdout?.toString() ?? ""))
    return { kind: "script", program: script };
  const python = findProgram(["python3"]);
  return python === undefined || spawnSync(python, ["-c", "import pty"]).status !== 0
    ? undefined
    : { kind: "python", program: python };
}

/** Which servers and the like this machine lacks, in words for the person who reads of it. */
export function missingServers(): string[] {
  return [
    ...(findRedis() ? [] : ["Redis not found: skipping what needs it (install redis-server or valkey-server)"]),
    ...(findPostgres() ? [] : ["PostgreSQL not found: skipping what needs it (install postgresql 15 or newer)"]),
    ...(findTerminalMaker() ? [] : ["no pseudo-terminal: skipping relay init in one (install util-linux, or python3)"]),
    ...(findWorkerd() ? [] : ["workerd does not run here: skipping the edge worker (npm ci brings it for glibc)"]),
  ];
}

function searchPath(): string[] {
  return (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
}

/** Newest version first. */
function debianFolders(): string[] {
  const root = "/usr/lib/postgresql";
  try {
    return readdirSync(root)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(root, version, "bin"));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
