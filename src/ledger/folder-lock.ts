import {
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { PermanentError } from "../errors.ts";

/** How often a holder shows that it lives, and after what silence one that cannot be looked up counts as dead. */
const SIGN_OF_LIFE_EVERY_MS = 2_000;
const SILENCE_MS = 10_000;

/**
 * Keeps a second process off a PGlite folder: two of them would destroy it.
 *
 * The lock is a file beside the folder that names its holder. A holder that was killed leaves it behind;
 * such a stale lock is replaced, by one process only. Whether a holder lives is looked up by its process id;
 * in another container or on another machine, where that id says nothing, it is told by the file's age.
 *
 * @returns the function that gives the lock back
 * @throws {PermanentError} `ledger_locked`, naming the holder's process id
 */
export function lockFolder(folder: string): () => void {
  const path = `${folder}.lock`;
  mkdirSync(dirname(path), { recursive: true });
  const { pid } = process;
  const release = take(path, folder, { pid, birth: birthOf(pid), place: placeOfProcesses() });
  const signs = setInterval(() => showLife(path), SIGN_OF_LIFE_EVERY_MS);
  signs.unref();
  const giveBack = (): void => {
    clearInterval(signs);
    process.off("exit", leave);
    release();
  };
  // By whoever ends in the middle, too: the next container could not look us up, and would wait for our silence.
  const leave = (): void => {
    try {
      giveBack();
    } catch {
      // A disk that takes nothing any more, such as one that was mounted anew to be read only; then silence has to do.
    }
  };
  process.once("exit", leave);
  return giveBack;
}

type Holder = {
  readonly pid: number;
  readonly birth: string;
  /** Where the process id means something. */
  readonly place: string;
};

function take(path: string, folder: string, me: Holder): () => void {
  const mine = JSON.stringify(me);
  const release = (): void => {
    if (read(path) === mine) rmSync(path, { force: true });
  };
  for (let tries = 0; tries < 5; tries++) {
    if (create(path, mine)) return release;
    const seen = read(path);
    if (seen === undefined) continue; // given back just now
    const holder = parseHolder(seen);
    if (holder && isAlive(holder, me.place, path)) {
      const elsewhere = holder.place === me.place ? "" : ` of ${holder.place.split(" ")[0]}`;
      const name = `process ${holder.pid}${elsewhere}`;
      throw new PermanentError("ledger_locked", `the ledger folder ${folder} is in use by ${name}`, {
        nextAction: `stop ${name}, or give this one a folder of its own through DATABASE_URL`,
      });
    }
    // Whoever saw the stale lock may be late: by now it can be the lock of a process that lives.
    // So looking again and replacing are one act, behind a lock of the same kind.
    const leave = take(`${path}.taking`, folder, me);
    try {
      if (read(path) === seen) {
        replace(path, mine);
        return release;
      }
    } finally {
      leave();
    }
  }
  throw new PermanentError("ledger_locked", `the lock ${path} changes hands too fast to take`);
}

/** Makes the file with its whole content at once, so that nobody sees half a lock. @returns false when it is there */
function create(path: string, content: string): boolean {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function replace(path: string, content: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  renameSync(draft, path);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** What is no lock, such as half a file left by a full disk, names nobody. */
function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const pid = "pid" in value ? value.pid : undefined;
    const birth = "birth" in value ? value.birth : undefined;
    const place = "place" in value ? value.place : undefined;
    if (typeof pid !== "number" || typeof birth !== "string" || typeof place !== "string") return undefined;
    return { pid, birth, place };
  } catch {
    return undefined;
  }
}

function isAlive({ pid, birth, place }: Holder, ourPlace: string, path: string): boolean {
  if (place !== ourPlace) return ageOf(path) < SILENCE_MS;
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

/** The machine and, on Linux, its namespace of process ids: each container has its own, and calls its process 1. */
function placeOfProcesses(): string {
  try {
    return `${hostname()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

function showLife(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Somebody removed the file by hand; there is nothing to keep alive.
  }
}

/** Milliseconds since the last sign of life; endless when the file is gone. */
function ageOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? Date.now() - stat.mtimeMs : Number.POSITIVE_INFINITY;
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
