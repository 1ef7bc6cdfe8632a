import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { PGlite } from "@electric-sql/pglite";
import { requireRoom } from "../disk/room-on-disk.ts";
import { PermanentError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { endWithDatabase } from "./end-with-database.ts";
import { reuseStatements } from "./reuse-statements.ts";
import { shareLoop } from "./share-loop.ts";
import { afterTooFewFiles } from "./too-few-files.ts";

const MAKER = fileURLToPath(new URL("./make-folder.ts", import.meta.url));

const MAX_WORDS = 300;

/** An embedded database, and the same as the workers ask it; see `reuseStatements`. */
export type OpenedFolder = { readonly pglite: PGlite; readonly work: PGlite };

/**
 * Opens an embedded database, or makes a new one. The caller holds the folder's lock. Should the database give up later,
 * it ends the process.
 *
 * Making one writes a thousand files. A process killed in the middle leaves a folder that PGlite takes for whole
 * and cannot start from, so a mark beside the folder says that it is not finished; then it is made anew.
 * @throws {PermanentError} `ledger_unavailable` when a new one cannot be made, or the one that is there does not start
 */
export async function openFolder(folder: string, log: Log): Promise<OpenedFolder> {
  const { openSmall } = await import("./small-pglite.ts");
  const unfinished = `${folder}.unfinished`;
  if (existsSync(unfinished)) empty(folder);
  // It tells of files and people: whoever else has an account on this machine is not to read it.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Only a folder that held nothing is marked: nothing else is ever thrown away.
  if (readdirSync(folder).length === 0) {
    await requireRoom(folder);
    writeFileSync(unfinished, "This database was not finished; it holds nothing yet.\n");
    await make(folder);
  }
  const pglite = await openSmall(folder, endWithDatabase(log));
  rmSync(unfinished, { force: true });
  shareLoop(pglite);
  return { pglite, work: await reuseStatements(pglite) };
}

/**
 * In a process of its own, since whoever makes a database keeps tens of MiB for as long as it lives; and beside its place,
 * since that process may outlive us, and must not write where the next relay makes its own.
 */
async function make(folder: string): Promise<void> {
  const place = dirname(folder);
  const name = `${basename(folder)}.making-`;
  for (const left of namesIn(place))
    if (left.startsWith(name)) rmSync(join(place, left), { recursive: true, force: true });
  const draft = mkdtempSync(join(place, name));
  try {
    await promisify(execFile)(process.execPath, [MAKER, draft]).catch((error: unknown) => {
      const words = lastWordsOf(error);
      throw new PermanentError("ledger_unavailable", `no ledger could be made in ${place}: ${words}`, {
        cause: error,
        nextAction:
          afterTooFewFiles(words) ??
          "look whether its disk, its number of files, memory or a quota is used up, and start again",
      });
    });
    // Not renamed: the folder may be a mount point.
    cpSync(draft, folder, { recursive: true });
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** What a process that failed said of it, between traces: its own message is the command alone. */
function lastWordsOf(error: unknown): string {
  const said = error instanceof Error && "stderr" in error ? String(error.stderr).split("\n") : [];
  return said.find((line) => /^relay: |\berror\b|out of memory/i.test(line))?.slice(0, MAX_WORDS) ?? messageOf(error);
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** What is in it, not the folder itself: that may be a mount point. */
function empty(folder: string): void {
  for (const name of namesIn(folder)) rmSync(join(folder, name), { recursive: true, force: true });
}
