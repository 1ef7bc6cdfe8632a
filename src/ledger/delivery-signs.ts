import { and, gte, like, or, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { deliveries, refusals } from "./schema.ts";

/** What the ledger tells about how well webhooks come in. */
export type DeliverySigns = {
  /** When the last verified delivery came; undefined when none did since. */
  readonly lastVerifiedAtMs: number | undefined;
  /** Deliveries refused for their signature or its age, in the minutes since. */
  readonly badSignatures: number;
};

/** @param sinceMs how far to look back; whole minutes count for refusals */
export async function readDeliverySigns(db: Db, sinceMs: number): Promise<DeliverySigns> {
  const [found] = await signsSince(db).execute({ sinceMs, sinceMinuteMs: Math.floor(sinceMs / 60_000) * 60_000 });
  return {
    lastVerifiedAtMs: found?.verifiedAt == null ? undefined : Number(found.verifiedAt),
    badSignatures: Number(found?.refused ?? 0),
  };
}

const signsSince = builtOnce((db) => {
  const verifiedAt = db
    .select({ at: sql`max(${deliveries.receivedAtMs})` })
    .from(deliveries)
    .where(and(gte(deliveries.receivedAtMs, sql.placeholder("sinceMs")), sql`${deliveries.verdict} <> 'refused'`));
  const refused = db
    .select({ count: sql`sum(${refusals.count})` })
    .from(refusals)
    .where(
      and(
        gte(refusals.minuteMs, sql.placeholder("sinceMinuteMs")),
        or(like(refusals.reason, "signature:%"), like(refusals.reason, "stale:%")),
      ),
    );
  return db
    .select({ verifiedAt: sql<string | null>`(${verifiedAt})`, refused: sql<string | null>`(${refused})` })
    .from(sql`(select 1) one`)
    .prepare(UNNAMED);
});
