import { hostname } from "node:os";
import { untilBeat } from "../beat.ts";
import type { Clock } from "../clock.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { addProcess, endProcess, renewProcess } from "../ledger/processes.ts";
import { areTablesGone, TABLES_GONE_REMEDY } from "../ledger/tables-gone.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { VERSION } from "../version.ts";
import { BEAT_MS } from "./worked-queues.ts";

export type AnnounceDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
};

/**
 * Says in the ledger that this process lives and which parts run in it, so that the others can tell what nobody does.
 * @returns says that it ended
 */
export async function announceProcess(
  { db, clock, newId, log }: AnnounceDeps,
  { receive, work }: { readonly receive: boolean; readonly work: readonly string[] },
): Promise<() => Promise<void>> {
  const id = newId();
  const startedAtMs = clock.now();
  const me = (seenAtMs: number) => ({
    ...{ id, version: VERSION, host: hostname(), pid: process.pid },
    ...{ receives: receive, queues: work, startedAtMs, seenAtMs },
  });
  await addProcess(db, me(startedAtMs));
  let isHomeless = false;
  const told = (): void => {
    isHomeless = false;
  };
  // What one beat misses the next makes good; but tables that are gone come back by a start alone.
  const untold = (error: unknown): void => {
    log.debug("process.not_told", { message: messageOf(error) });
    if (isHomeless || !areTablesGone(error)) return;
    isHomeless = true;
    log.error("ledger.tables_gone", { message: messageOf(error), nextAction: TABLES_GONE_REMEDY });
  };
  const ending = new AbortController();
  void (async () => {
    for (;;) {
      await clock.sleep(untilBeat(BEAT_MS), ending.signal).catch(() => undefined);
      if (ending.signal.aborted) return;
      await renewProcess(db, me(clock.now())).then(told, untold);
    }
  })();
  return async () => {
    ending.abort("it ends"); // with a word: without one it makes an error with a stack
    await endProcess(db, id, clock.now()).catch(untold);
  };
}
