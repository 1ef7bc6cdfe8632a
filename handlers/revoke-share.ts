import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { askToClose, findSharedRun, linkStateOf } from "../src/ledger/shared-links.ts";
import { lineOf } from "./line-of.ts";

export type RevokeOutcome =
  /** Nothing goes by that id, or it has no link. */
  | { readonly kind: "unknown_share"; readonly asked: string }
  | { readonly kind: "revoked"; readonly share: string; readonly run: string; readonly closedAtMs: number }
  /** Its time was over before, and Fast.io has ended it. */
  | { readonly kind: "expired"; readonly share: string; readonly run: string }
  /** It is written down and carried out as soon as it can be. @param error what stands against it, if that is known */
  | { readonly kind: "asked"; readonly share: string; readonly run: string; readonly error: string | null };

/** Closes a link for good, or until its run is replayed. Safe to repeat; the first reason stands. */
export type RevokeShare = (
  shareOrRun: string,
  why: { readonly actor: string; readonly reason?: string | undefined },
) => Promise<RevokeOutcome>;

export type RevokeShareDeps = {
  readonly db: Db;
  readonly clock: Clock;
  /** Closes the link of this run now, where nobody else does; otherwise the relay's workers do within seconds. */
  readonly closeNow?: (runId: string) => Promise<unknown>;
  /** How long to wait for the end before only the wish is told, in milliseconds. */
  readonly waitMs: number;
};

const LOOK_EVERY_MS = 200;

export const revokeShare =
  ({ db, clock, closeNow, waitMs }: RevokeShareDeps): RevokeShare =>
  async (shareOrRun, { actor, reason }) => {
    const found = await findSharedRun(db, shareOrRun);
    if (!found || found.shareId === null) return { kind: "unknown_share", asked: shareOrRun };
    const { id: run, shareId: share } = found;
    if (found.shareClosedAtMs === null && linkStateOf(found, clock.now()) === "ended")
      return { kind: "expired", share, run };
    if (found.shareClosedAtMs === null) await askToClose(db, run, { actor, reason: lineOf(reason) }, clock.now());
    await closeNow?.(run);
    for (const untilMs = clock.now() + waitMs; ; ) {
      const now = await findSharedRun(db, run);
      if (now && now.shareClosedAtMs !== null) return { kind: "revoked", share, run, closedAtMs: now.shareClosedAtMs };
      const error = now?.shareCloseError ?? null;
      if (error !== null || clock.now() >= untilMs) return { kind: "asked", share, run, error };
      await clock.sleep(LOOK_EVERY_MS);
    }
  };
