import { and, desc, eq, isNotNull, isNull, lt, or, sql } from "drizzle-orm";
import { orderNotice } from "./notices.ts";
import type { Db } from "./open-ledger.ts";
import { type AlertRow, alerts } from "./schema.ts";

export type NewFinding = Pick<AlertRow, "kind" | "subject" | "message" | "nextAction">;

export type SettleOptions = {
  readonly nowMs: number;
  /** How long all must be well before an alert is over. */
  readonly holdMs: number;
  /** Found again after a look that did not find it: it came and went. */
  readonly calmMs: number;
  /** The variable with the address that is told; undefined: nobody is. */
  readonly noticeVariable: string | undefined;
  /** What a notice says of an alert; of one that is over, how it was. */
  readonly textOf: (alert: AlertRow) => string;
};

/** What changed. */
export type Settled = { readonly raised: readonly AlertRow[]; readonly cleared: readonly AlertRow[] };

const KEEP_CLEARED_MS = 30 * 86_400_000;

/**
 * Compares what is wrong now with what was, and orders the notices of what changed in the same transaction, so that
 * each is told once, also when the process dies after it. An alert is over when it was not found for the hold; found
 * again before that, it is the same one and nobody is told anew.
 */
export async function settleAlerts(db: Db, findings: readonly NewFinding[], options: SettleOptions): Promise<Settled> {
  const { nowMs, holdMs, calmMs, noticeVariable, textOf } = options;
  const oldestMs = nowMs - KEEP_CLEARED_MS;
  // So it is nearly always, and then a transaction would be six statements for nothing.
  if (findings.length === 0 && !(await isAnyKept(db, oldestMs))) return { raised: [], cleared: [] };
  return db.transaction(async (tx) => {
    // One look at a time: of two at once, the later would tell what the earlier has told.
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('relay.alerts', 0))`);
    const open = new Map(
      (await tx.select().from(alerts).where(isNull(alerts.clearedAtMs))).map((row) => [row.key, row]),
    );
    const raised: AlertRow[] = [];
    const cleared: AlertRow[] = [];
    const tell = async (alert: AlertRow, what: string): Promise<void> => {
      if (noticeVariable === undefined) return;
      await orderNotice(
        tx,
        { key: `alert-${what}:${alert.key}:${alert.sinceMs}`, variable: noticeVariable, text: textOf(alert) },
        nowMs,
      );
    };

    // Found twice, it is one alert all the same.
    const byKey = new Map(findings.map((finding) => [`${finding.kind}:${finding.subject}`, finding]));
    for (const [key, finding] of byKey) {
      const known = open.get(key);
      open.delete(key);
      const flapped = known !== undefined && nowMs - known.lastSeenMs > calmMs;
      const isTold = noticeVariable !== undefined;
      const row: AlertRow = {
        ...finding,
        key,
        sinceMs: known?.sinceMs ?? nowMs,
        lastSeenMs: nowMs,
        notifiedAtMs: known?.notifiedAtMs ?? (isTold ? nowMs : null),
        clearedAtMs: null,
        flaps: (known?.flaps ?? 0) + (flapped ? 1 : 0),
      };
      await tx.insert(alerts).values(row).onConflictDoUpdate({ target: alerts.key, set: row });
      if (known === undefined) raised.push(row);
      if (isTold && known?.notifiedAtMs == null) await tell(row, "raised");
    }
    for (const row of open.values()) {
      if (nowMs - row.lastSeenMs < holdMs) continue;
      const over = { ...row, clearedAtMs: nowMs };
      await tx.update(alerts).set({ clearedAtMs: nowMs }).where(eq(alerts.key, row.key));
      cleared.push(over);
      if (row.notifiedAtMs !== null) await tell(over, "cleared");
    }
    await tx.delete(alerts).where(lt(alerts.clearedAtMs, oldestMs));
    return { raised, cleared };
  });
}

/** Whether there is one that is open, or that is to be forgotten. */
async function isAnyKept(db: Db, oldestMs: number): Promise<boolean> {
  const open = isNull(alerts.clearedAtMs);
  const found = await db
    .select({ key: alerts.key })
    .from(alerts)
    .where(or(open, lt(alerts.clearedAtMs, oldestMs)))
    .limit(1);
  return found.length > 0;
}

/** What is wrong, the latest first. */
export function listOpenAlerts(db: Db): Promise<readonly AlertRow[]> {
  return db.select().from(alerts).where(isNull(alerts.clearedAtMs)).orderBy(desc(alerts.sinceMs), alerts.key);
}

/** What was wrong, the latest to end first. */
export function listClearedAlerts(db: Db, limit: number): Promise<readonly AlertRow[]> {
  return db
    .select()
    .from(alerts)
    .where(and(isNotNull(alerts.clearedAtMs)))
    .orderBy(desc(alerts.clearedAtMs))
    .limit(limit);
}

export const countOpenAlerts = (db: Db): Promise<number> => db.$count(alerts, isNull(alerts.clearedAtMs));
