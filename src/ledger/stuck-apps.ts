import { and, eq, gt, inArray, isNull, like, sql } from "drizzle-orm";
import type { FailureCode } from "../errors.ts";
import type { Db } from "./open-ledger.ts";
import { runs } from "./schema.ts";

/** What a server says, or does not say, that is away. */
const AWAY: readonly FailureCode[] = ["connect_failed", "connection_lost", "timed_out", "upstream_unavailable"];

export type StuckApp = {
  readonly app: string;
  /** Runs whose last try Dify did not answer. */
  readonly stuck: number;
  /** The most tries in a row of one of them. */
  readonly tries: number;
  /** What one of them says. */
  readonly error: string;
};

/** Apps with runs whose last try Dify did not answer. Looks at unfinished runs alone. */
export async function listStuckApps(db: Db): Promise<readonly StuckApp[]> {
  const rows = await db
    .select({
      app: runs.app,
      stuck: sql<number>`count(*)::int`,
      tries: sql<number>`max(${runs.failures})`,
      error: sql<string>`max(${runs.errorMessage})`,
    })
    .from(runs)
    .where(
      and(
        eq(runs.queue, "runs"),
        isNull(runs.waitingApp),
        gt(runs.failures, 0),
        inArray(runs.errorCode, [...AWAY]),
        // Messages of calls begin with the operation; the same step may fail at Fast.io.
        like(runs.errorMessage, "dify.%"),
      ),
    )
    .groupBy(runs.app);
  return rows.flatMap(({ app, ...row }) => (app === null ? [] : [{ app, ...row }]));
}
