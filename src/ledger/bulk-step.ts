import { and, eq, sql } from "drizzle-orm";
import { messageOf } from "../message-of.ts";
import { askToReplay, type NewestVersions } from "./ask-to-replay.ts";
import { lockDueBulk } from "./bulk-actions.ts";
import { askToCancel } from "./cancel-run.ts";
import type { Db } from "./open-ledger.ts";
import { releaseRun } from "./release-run.ts";
import { type BulkActionRow, type BulkItemRow, bulkActions, bulkItems } from "./schema.ts";

const MINUTE_MS = 60_000;
/** What was missed while nobody carried it out is not made up for, except for this much. */
const CATCH_UP_MS = 1_000;

export type BulkStep =
  /** Nothing is due. */
  | { readonly kind: "idle" }
  | { readonly kind: "stepped"; readonly bulk: string; readonly run: string }
  | { readonly kind: "ended"; readonly bulk: BulkActionRow };

type Told = { readonly outcome: "done" | "already" | "refused"; readonly note: string | null };

/**
 * Does to one run what a bulk action asks, and marks it, in one transaction: whoever dies in between has done neither,
 * and two at once do not take the same run.
 */
export function stepBulk(db: Db, newest: NewestVersions, nowMs: number): Promise<BulkStep> {
  return db.transaction(async (tx) => {
    const due = await lockDueBulk(tx, nowMs);
    if (!due) return { kind: "idle" };
    const { bulk, item } = due;
    if (!item) {
      const ended = { state: "done", finishedAtMs: nowMs } as const;
      await tx.update(bulkActions).set(ended).where(eq(bulkActions.id, bulk.id));
      return { kind: "ended", bulk: { ...bulk, ...ended } };
    }
    const { outcome, note } = await doTo(tx, bulk, item, newest, nowMs);
    await tx
      .update(bulkItems)
      .set({ outcome, note, atMs: nowMs })
      .where(and(eq(bulkItems.bulkId, bulk.id), eq(bulkItems.ordinal, item.ordinal)));
    const column = bulkActions[outcome];
    await tx
      .update(bulkActions)
      .set({
        [outcome]: sql`${column} + 1`,
        dueAtMs: Math.max(bulk.dueAtMs, nowMs - CATCH_UP_MS) + Math.round(MINUTE_MS / bulk.perMinute),
      })
      .where(eq(bulkActions.id, bulk.id));
    return { kind: "stepped", bulk: bulk.id, run: item.runId };
  });
}

/** One run that fails in an unforeseen way keeps none of the others from their turn. */
async function doTo(
  tx: Db,
  bulk: BulkActionRow,
  item: BulkItemRow,
  newest: NewestVersions,
  nowMs: number,
): Promise<Told> {
  try {
    return await tx.transaction((own) => DEEDS[bulk.deed](own, bulk, item, newest, nowMs));
  } catch (error) {
    return refused(`a fault of the relay: ${messageOf(error)}`);
  }
}

type DoDeed = (tx: Db, bulk: BulkActionRow, item: BulkItemRow, newest: NewestVersions, nowMs: number) => Promise<Told>;

const DEEDS: Readonly<Record<BulkActionRow["deed"], DoDeed>> = { replay, cancel, release };

const done = (note: string | null = null): Told => ({ outcome: "done", note });
const already = (note: string): Told => ({ outcome: "already", note });
const refused = (note: string): Told => ({ outcome: "refused", note });
const FORGOTTEN = refused("the run is forgotten");

const wishOf = ({ id, askedBy, reason }: BulkActionRow) => ({ actor: askedBy, reason, detail: { bulk: id } });

async function replay(
  tx: Db,
  bulk: BulkActionRow,
  { runId, generation }: BulkItemRow,
  newest: NewestVersions,
  nowMs: number,
): Promise<Told> {
  const wish = { ...wishOf(bulk), version: bulk.version ?? "newest", seen: generation };
  const outcome = await askToReplay(tx, runId, wish, newest, nowMs);
  switch (outcome.kind) {
    case "replayed":
      return done(outcome.note);
    case "begun_since":
      return already(`it has begun again since; it is ${outcome.status}`);
    case "not_ended":
      return refused(`it is ${outcome.status}`);
    case "rule_differs":
      return refused(outcome.message);
    case "unknown_run":
      return FORGOTTEN;
    default:
      return outcome satisfies never;
  }
}

async function cancel(
  tx: Db,
  bulk: BulkActionRow,
  { runId }: BulkItemRow,
  _newest: NewestVersions,
  nowMs: number,
): Promise<Told> {
  const outcome = await askToCancel(tx, runId, wishOf(bulk), nowMs);
  switch (outcome.kind) {
    case "cancelled":
      return done();
    case "asked":
      return outcome.isNew ? done("what is under way is being stopped") : already("it is being cancelled");
    case "ended":
      return outcome.run.status === "cancelled" ? already("it is cancelled") : refused(`it is ${outcome.run.status}`);
    case "unknown_run":
      return FORGOTTEN;
    default:
      return outcome satisfies never;
  }
}

async function release(
  tx: Db,
  bulk: BulkActionRow,
  { runId, generation }: BulkItemRow,
  _newest: NewestVersions,
  nowMs: number,
): Promise<Told> {
  const outcome = await releaseRun(tx, runId, { ...wishOf(bulk), seen: generation }, nowMs);
  switch (outcome.kind) {
    case "released":
      return done();
    case "not_held":
      return already(`it is ${outcome.status}`);
    case "held_anew":
      return already("it has gone on since, and is held anew");
    case "rule_paused":
      return refused(`its rule ${outcome.rule} is paused`);
    case "unknown_run":
      return FORGOTTEN;
    default:
      return outcome satisfies never;
  }
}
