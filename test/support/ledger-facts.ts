import { count, eq } from "drizzle-orm";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { events, operatorActions, runs } from "../../src/ledger/schema.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import type { LedgerFacts } from "./audit-books.ts";

/**
 * Reads a ledger for the audit.
 * @param databaseUrl as the relay has it; an embedded ledger must not be open anywhere else
 */
export async function readLedgerFacts(databaseUrl: string): Promise<LedgerFacts> {
  const ledger = await openLedger(databaseUrl, silentLog);
  try {
    const { db } = ledger;
    const replays = await db
      .select({ target: operatorActions.target, times: count() })
      .from(operatorActions)
      .where(eq(operatorActions.action, "run.replay"))
      .groupBy(operatorActions.target);
    const replaysOf = new Map(replays.map(({ target, times }) => [target, times]));
    const kept = await db
      .select({
        id: runs.id,
        nodeId: runs.nodeId,
        versionId: runs.versionId,
        status: runs.status,
        errorCode: runs.errorCode,
        workflowRunId: runs.workflowRunId,
        spentRunIds: runs.spentRunIds,
        warning: runs.warning,
      })
      .from(runs);
    const heard = await db.select({ id: events.id, status: events.status, reasons: events.reasons }).from(events);
    return {
      runs: kept.map((run) => ({ ...run, replays: replaysOf.get(run.id) ?? 0 })),
      events: heard.map(({ id, status, reasons }) => ({ id, status, reason: Object.values(reasons).join("; ") })),
    };
  } finally {
    await ledger.close();
  }
}
