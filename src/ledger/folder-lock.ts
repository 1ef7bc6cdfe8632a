import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PermanentError } from "../errors.ts";

/**
 * Keeps a second process off a PGlite folder: two of them would destroy it.
 *
 * The lock is a file beside the folder that names its holder. A holder that was killed leaves it behind;
 * such a stale lock is moved away (a rename succeeds for one process only) and taken anew.
 *
 * @returns the function that gives the lock back
 * @throws {PermanentError} `ledger_locked`, naming the holder's process id
 */
export function lockFolder(folder: string, pid: number = process.pid): () => void {
  const path = `${folder}.lock`;
  mkdirSync(dirname(path), { recursive: true });
  for (let tries = 0; tries < 5; tries++) {
    try {
      writeFileSync(path, JSON.stringify({ pid, birth: birthOf(pid) }), { flag: "wx" });
      return () => {
        if (readHolder(path)?.pid === pid) rmSync(path, { force: true });
      };
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
    const holder = readHolder(path);
    if (holder && isAlive(holder)) {
      throw new PermanentError("ledger_locked", `the ledger folder ${folder} is in use by process ${holder.pid}`, {
        nextAction: `stop process ${holder.pid}, or give this one a folder of its own through DATABASE_URL`,
      });
    }
    try {
      const aside = `${path}.stale-${pid}`;
      renameSync(path, aside);
      rmSync(aside, { force: true });
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
    }
  }
  throw new PermanentError("ledger_locked", `the lock ${path} changes hands too fast to take`);
}

type Holder = { readonly pid: number; readonly birth: string };

function readHolder(path: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const pid = "pid" in value ? value.pid : undefined;
    const birth = "birth" in value ? value.birth : undefined;
    return typeof pid === "number" && typeof birth === "string" ? { pid, birth } : undefined;
  } catch (error) {
    // Half-written by a process that died while taking it, or just given back: nobody holds it.
    if (error instanceof SyntaxError || isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function isAlive({ pid, birth }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if (!isErrno(error, "EPERM")) return false;
  }
  // Process ids are used again; the time of birth tells the holder from a newcomer.
  const now = birthOf(pid);
  return birth === "" || now === "" || now === birth;
}

/** Start time of a process in clock ticks since boot (field 22 of /proc/pid/stat), or "" where there is no /proc. */
function birthOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the name, may hold blanks and brackets; count from the last bracket.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
