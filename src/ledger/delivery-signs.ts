import { and, gte, like, or, sql } from "drizzle-orm";
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
  const [verified] = await db
    .select({ at: sql<string | null>`max(${deliveries.receivedAtMs})` })
    .from(deliveries)
    .where(and(gte(deliveries.receivedAtMs, sinceMs), sql`${deliveries.verdict} <> 'refused'`));
  const [refused] = await db
    .select({ count: sql<string | null>`sum(${refusals.count})` })
    .from(refusals)
    .where(
      and(
        gte(refusals.minuteMs, Math.floor(sinceMs / 60_000) * 60_000),
        or(like(refusals.reason, "signature:%"), like(refusals.reason, "stale:%")),
      ),
    );
  return {
    lastVerifiedAtMs: verified?.at == null ? undefined : Number(verified.at),
    badSignatures: Number(refused?.count ?? 0),
  };
}
