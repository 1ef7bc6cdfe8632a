import { and, desc, eq, gt } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { type HandoffRow, handoffs } from "./schema.ts";

/** An offer that is being made for longer was lost with whoever made it. */
const MAKING_MS = 60_000;

export type HandoffPlace = Pick<HandoffRow, "orgId" | "ruleName">;

const at = ({ orgId, ruleName }: HandoffPlace) => and(eq(handoffs.orgId, orgId), eq(handoffs.ruleName, ruleName));

/**
 * Takes the one place an organisation and rule have for an offer, before it is made: two who ask at once make one.
 * @param replace whether an offer that is open gives way
 */
export async function beginHandoff(
  db: Db,
  wish: HandoffPlace & Pick<HandoffRow, "runId" | "askedBy" | "askedAtMs">,
  replace: boolean,
): Promise<
  | { readonly kind: "open"; readonly expiresAtMs: number | null }
  /** @param replaced the offer that was open, and is to be taken back first */
  | { readonly kind: "begun"; readonly replaced: HandoffRow | null }
> {
  const begin = { ...wish, transferId: null, expiresAtMs: null };
  return db.transaction(async (tx) => {
    const [made] = await tx.insert(handoffs).values(begin).onConflictDoNothing().returning({ runId: handoffs.runId });
    if (made) return { kind: "begun", replaced: null };
    const [known] = await tx.select().from(handoffs).where(at(wish)).for("update");
    const isMaking = known?.expiresAtMs === null && known.askedAtMs > wish.askedAtMs - MAKING_MS;
    const isOpen = (known?.expiresAtMs ?? 0) > wish.askedAtMs;
    if (isMaking || (isOpen && !replace)) return { kind: "open", expiresAtMs: known?.expiresAtMs ?? null };
    await tx.update(handoffs).set(begin).where(at(wish));
    return { kind: "begun", replaced: isOpen ? (known ?? null) : null };
  });
}

/** Writes down an offer that was made, and who made it; never its token. */
export async function recordHandoff(
  db: Db,
  offer: HandoffPlace &
    Pick<HandoffRow, "runId" | "askedBy" | "transferId"> & {
      readonly expiresAtMs: number;
      readonly reason: string | null;
    },
  nowMs: number,
): Promise<void> {
  const { transferId, expiresAtMs, orgId, ruleName, reason } = offer;
  await db.transaction(async (tx) => {
    await tx.update(handoffs).set({ transferId, expiresAtMs }).where(at(offer));
    await recordOperatorAction(tx, {
      atMs: nowMs,
      actor: offer.askedBy,
      action: "handoff.offer",
      target: offer.runId,
      detail: { org: orgId, rule: ruleName, transferId, expiresAtMs, reason },
    });
  });
}

/** Puts an offer back into its place that was to give way and did not: its link still works. */
export async function restoreHandoff(db: Db, offer: HandoffRow): Promise<void> {
  await db.update(handoffs).set(offer).where(at(offer));
}

/** Gives the place free again: the offer was not made. */
export async function withdrawHandoff(db: Db, place: HandoffPlace): Promise<void> {
  await db.delete(handoffs).where(at(place));
}

/** The offer of a rule that is open now, the newest one if its workspaces belong to several organisations. */
export async function findOpenHandoff(db: Db, ruleName: string, nowMs: number): Promise<HandoffRow | undefined> {
  const [found] = await db
    .select()
    .from(handoffs)
    .where(and(eq(handoffs.ruleName, ruleName), gt(handoffs.expiresAtMs, nowMs)))
    .orderBy(desc(handoffs.expiresAtMs))
    .limit(1);
  return found;
}
