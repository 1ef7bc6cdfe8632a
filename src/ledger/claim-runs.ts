import { getTableColumns, sql } from "drizzle-orm";
import { columnsOf, linesOf, namesOf } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { type RunQueue, type RunRow, runs } from "./schema.ts";

/** How early a job may come without being sent back, in milliseconds. */
export const EARLY_MS = 100;

/** A worker asks for a run, until a moment. */
export type ClaimWish = {
  readonly id: string;
  readonly queue: RunQueue;
  readonly owner: string;
  readonly nowMs: number;
  readonly untilMs: number;
};

const WISH = { id: "text", queue: "text", owner: "text", now_ms: "bigint", until_ms: "bigint" } as const;

/** Takes runs for their workers, all in one statement. @returns in order; undefined: it is another's, or not due, or done */
export function createClaim(db: Db): (wishes: readonly ClaimWish[]) => Promise<readonly (RunRow | undefined)[]> {
  const claimed = db.$with("claimed", getTableColumns(runs)).as(sql`
    update ${runs} run
    set lease_owner = wish.owner, lease_until_ms = wish.until_ms, started_at_ms = coalesce(run.started_at_ms, wish.now_ms)
    from ${linesOf("wishes", WISH, "wish")}
    -- Not "=" for the queue: no plan is to go through all that wait there for this one.
    where run.id = wish.id and run.queue is not distinct from wish.queue
      -- A job that was handed over twice comes before the time the upstream asked for.
      and run.not_before_ms < wish.now_ms + ${sql.raw(String(EARLY_MS))}
      and (run.lease_until_ms < wish.now_ms or run.lease_owner = wish.owner)
    returning ${namesOf(columnsOf(runs), "run.")}`);
  const statement = db.with(claimed).select().from(claimed).prepare("claim_runs");
  return async (wishes) => {
    const lines = wishes.map(({ id, queue, owner, nowMs, untilMs }) => ({
      ...{ id, queue, owner },
      now_ms: nowMs,
      until_ms: untilMs,
    }));
    const rows = await statement.execute({ wishes: JSON.stringify(lines) });
    return wishes.map(({ id, owner }) => rows.find((row) => row.id === id && row.leaseOwner === owner));
  };
}

/** A worker still works on a run. */
export type RenewWish = { readonly id: string; readonly owner: string; readonly untilMs: number };

/** @returns in order: whether somebody asked to cancel the run; undefined: the lease was lost */
export function createRenew(
  db: Db,
): (wishes: readonly RenewWish[]) => Promise<readonly ({ readonly cancelAskedAtMs: number | null } | undefined)[]> {
  const { id, leaseOwner, cancelAskedAtMs } = runs;
  const renewed = db.$with("renewed", { id, leaseOwner, cancelAskedAtMs }).as(sql`
    update ${runs} run set lease_until_ms = wish.until_ms
    from ${linesOf("wishes", { id: "text", owner: "text", until_ms: "bigint" }, "wish")}
    where run.id = wish.id and run.lease_owner = wish.owner
    returning run.id, run.lease_owner, run.cancel_asked_at_ms`);
  const statement = db.with(renewed).select().from(renewed).prepare("renew_leases");
  return async (wishes) => {
    const lines = wishes.map((wish) => ({ id: wish.id, owner: wish.owner, until_ms: wish.untilMs }));
    const rows = await statement.execute({ wishes: JSON.stringify(lines) });
    return wishes.map((wish) => rows.find((row) => row.id === wish.id && row.leaseOwner === wish.owner));
  };
}
