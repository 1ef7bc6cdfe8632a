import { sql } from "drizzle-orm";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { Pressure } from "../src/pressure/watch-pressure.ts";
import type { LiveRules } from "../src/rules/live-rules.ts";

export type Readiness = {
  readonly ready: boolean;
  readonly ledger: "ok" | "unavailable";
  readonly queue: "ok" | "unavailable";
  /** Whether deliveries are taken, or sent away for a while because something is too full or too slow. */
  readonly intake: "open" | "refusing";
  /** Whether the rules file as it stands is in force; what is wrong with it is for those with a token. */
  readonly rules: "ok" | "refused";
};
export type CheckReadiness = () => Promise<Readiness>;

const CHECK_TIMEOUT_MS = 2_000;

/**
 * Ready means: deliveries can be committed. A queue that is away is told but does not make the relay unready,
 * because deliveries are accepted without it; nor does a rules file that is wrong, because the rules from before go on.
 */
export const checkReadiness =
  ({
    db,
    checkQueue,
    refused,
    pressure,
  }: {
    readonly db: Db;
    readonly checkQueue: (signal: AbortSignal) => Promise<void>;
    readonly refused: LiveRules["refused"];
    readonly pressure: Pick<Pressure, "retryAfterSeconds">;
  }): CheckReadiness =>
  async () => {
    const [ledger, queue] = await Promise.all([
      isFine(Promise.resolve(db.execute(sql`select 1`))),
      isFine(checkQueue(AbortSignal.timeout(CHECK_TIMEOUT_MS))),
    ]);
    return {
      ready: ledger,
      ledger: ledger ? "ok" : "unavailable",
      queue: queue ? "ok" : "unavailable",
      intake: pressure.retryAfterSeconds() === undefined ? "open" : "refusing",
      rules: refused() === undefined ? "ok" : "refused",
    };
  };

async function isFine(check: Promise<unknown>): Promise<boolean> {
  const late = new Promise<false>((resolve) => {
    setTimeout(() => resolve(false), CHECK_TIMEOUT_MS).unref();
  });
  return Promise.race([check.then(() => true).catch(() => false), late]);
}
