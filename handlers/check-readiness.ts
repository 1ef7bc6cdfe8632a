import type { Clock } from "../src/clock.ts";
import { mayWrite } from "../src/ledger/may-write.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listProcesses } from "../src/ledger/processes.ts";
import { areTablesGone, TABLES_GONE_REMEDY } from "../src/ledger/tables-gone.ts";
import type { Pressure } from "../src/pressure/watch-pressure.ts";
import { workedQueues } from "../src/processes/worked-queues.ts";
import type { QueueName } from "../src/queue-names.ts";
import type { LiveRules } from "../src/rules/live-rules.ts";

export type Readiness = {
  readonly ready: boolean;
  readonly ledger: "ok" | "unavailable";
  readonly queue: "ok" | "unavailable";
  /** Whether deliveries are taken, or sent away for a while because something is too full or too slow. */
  readonly intake: "open" | "refusing";
  /** Whether the rules file as it stands is in force; what is wrong with it is for those with a token. */
  readonly rules: "ok" | "refused";
  /** Queues that no process works on now; undefined: the ledger cannot tell. */
  readonly unworked: readonly QueueName[] | undefined;
  /** What only a person can do about it; undefined: it gets well by itself, or the rest says enough. */
  readonly nextAction: string | undefined;
};
export type CheckReadiness = () => Promise<Readiness>;

const CHECK_TIMEOUT_MS = 2_000;

/**
 * Ready means: deliveries can be committed. A queue that is away is told but does not make the relay unready,
 * because deliveries are accepted without it; nor do a rules file that is wrong, because the rules from before go on, and
 * queues that nobody works on, which are told, too.
 */
export const checkReadiness =
  ({
    db,
    clock,
    checkQueue,
    refused,
    pressure,
    commitsFail,
  }: {
    readonly db: Db;
    readonly clock: Clock;
    readonly checkQueue: (signal: AbortSignal) => Promise<void>;
    readonly refused: LiveRules["refused"];
    readonly pressure: Pick<Pressure, "retryAfterSeconds">;
    /** What can be read, and written now and then, may still have no room for what comes. */
    readonly commitsFail: () => boolean;
  }): CheckReadiness =>
  async () => {
    let nextAction: string | undefined;
    const seeWhatIsGone = (error: unknown): never => {
      if (areTablesGone(error)) nextAction = TABLES_GONE_REMEDY;
      throw error;
    };
    const [processes, isWritable, queue] = await Promise.all([
      inTime(listProcesses(db).catch(seeWhatIsGone)),
      inTime(mayWrite(db)),
      inTime(checkQueue(AbortSignal.timeout(CHECK_TIMEOUT_MS)).then(() => true, seeWhatIsGone)),
    ]);
    const isReady = processes !== undefined && isWritable === true && !commitsFail();
    return {
      ready: isReady,
      ledger: isReady ? "ok" : "unavailable",
      queue: queue ? "ok" : "unavailable",
      intake: pressure.retryAfterSeconds() === undefined ? "open" : "refusing",
      rules: refused() === undefined ? "ok" : "refused",
      unworked:
        processes &&
        workedQueues(processes, clock.now())
          .filter(({ unworkedSinceMs }) => unworkedSinceMs !== null)
          .map(({ name }) => name),
      nextAction,
    };
  };

/** @returns undefined when it fails, or takes too long */
async function inTime<T>(asked: Promise<T>): Promise<T | undefined> {
  const late = new Promise<undefined>((resolve) => {
    setTimeout(() => resolve(undefined), CHECK_TIMEOUT_MS).unref();
  });
  return Promise.race([asked.catch(() => undefined), late]);
}
