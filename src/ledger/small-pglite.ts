import { PGlite } from "@electric-sql/pglite";
import { PermanentError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import { afterTooFewFiles } from "./too-few-files.ts";

/**
 * PostgreSQL's own default of 128 MB for its cache, and as much for each `VACUUM` and index, is for a server that has the
 * machine to itself; here the files are in the cache of the system as well.
 */
const SMALL = ["shared_buffers=8MB", "wal_buffers=512kB", "maintenance_work_mem=16MB"];

/** Longer than anybody waits; it is never due. */
const LONG_MS = 3_600_000;

/**
 * In which PostgreSQL says that it gives up, and WebAssembly where it has no memory left. What PostgreSQL repeats of a
 * statement, or has more than one line to say, it indents.
 */
const LAST_WORDS = /^(?:\S+ \S+ \S+ \[\d+\] (?:PANIC|FATAL): +|(?=Aborted\())(.+)$/;

/** As the C library says it. */
const NO_ROOM = /no space left|quota exceeded|file too large/i;
const MAKE_ROOM = "make room on its disk, and start again: what was committed is there";
const MEND_FILES =
  "see to its folder and disk and start again; files that are damaged, or of another version, need a copy from before, or a new folder named in DATABASE_URL: docs/deploy.md tells of backups and of a ledger that is lost";

/**
 * Opens the embedded database of a folder; where there is none, it is made.
 *
 * Meanwhile a timer keeps the event loop going. With nothing but a compilation under way Node (24.21) leaves its loop,
 * and does not come back before V8's helper threads have nothing left to do: they go on to compile better what runs
 * hot, such as the redoing of the log after a kill, and for up to a second no connection was taken.
 *
 * @param giveUp ends the process, with the last words of a database that gives up once it is open, as PostgreSQL does
 *   where it cannot write its log of changes. PGlite (0.5.16) would ask it again and again, and never give the thread back
 * @throws {PermanentError} `ledger_unavailable` when it gives up while it is opened
 */
export async function openSmall(folder: string, giveUp: (lastWords: string) => never): Promise<PGlite> {
  const going = setInterval(() => undefined, LONG_MS);
  let isOpen = false;
  let lastWords: string | undefined;
  const hear = (line: string): boolean => {
    const [, words] = LAST_WORDS.exec(line) ?? [];
    if (words !== undefined && isOpen) giveUp(words);
    lastWords ??= words;
    return false; // not to be printed
  };
  try {
    const pglite = await PGlite.create({ dataDir: folder, postgresqlconf: SMALL, onStderr: hear });
    isOpen = true;
    watch(pglite, giveUp);
    return pglite;
  } catch (error) {
    if (lastWords === undefined) throw error;
    throw new PermanentError("ledger_unavailable", `the embedded database does not start: ${lastWords}`, {
      cause: error,
      nextAction: afterTooFewFiles(lastWords) ?? (NO_ROOM.test(lastWords) ? MAKE_ROOM : MEND_FILES),
    });
  } finally {
    clearInterval(going);
  }
}

/** What breaks off inside without PostgreSQL's own handling, such as a stack that ran over, leaves it in no order either. */
function watch({ Module }: PGlite, giveUp: (lastWords: string) => never): void {
  const turn = Module._PostgresMainLoopOnce;
  Module._PostgresMainLoopOnce = () => {
    try {
      turn();
    } catch (error) {
      if (!isHandled(error)) giveUp(messageOf(error));
      throw error;
    }
  };
}

/** `POSTGRES_MAIN_LONGJMP` of PGlite: by it PostgreSQL jumps to where it handles the error of a statement. */
const LONG_JUMP = 100;
const isHandled = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "status" in error && error.status === LONG_JUMP;
