import { sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { FastioNode } from "../../src/fastio/types.ts";
import { INFECTED } from "../infected.ts";

/** How long a scan that does not end is waited for, from the arrival of the event. */
export const SCAN_PATIENCE_MS = 900_000;
/** The same of a lock that somebody renews again and again. A lock keeps others from changing a file, not from reading. */
export const LOCK_PATIENCE_MS = 600_000;
/** How often to look. */
const LOOK_MS = 5_000;

export type ReadVerdict =
  | { readonly kind: "readable"; readonly warnings: readonly string[] }
  /** Never to be read. */
  | { readonly kind: "infected"; readonly reason: string }
  | { readonly kind: "wait"; readonly reason: string; readonly untilMs: number };

/** Whether a file may be read now, by what Fast.io says of its scan and of who holds it. */
export function mayBeRead(
  node: FastioNode,
  {
    receivedAtMs,
    selfUserId,
    nowMs,
  }: { readonly receivedAtMs: number; readonly selfUserId: string; readonly nowMs: number },
): ReadVerdict {
  if (node.virus === "infected") return { kind: "infected", reason: INFECTED };
  const warnings: string[] = [];
  const soon = nowMs + LOOK_MS;
  if (node.virus === "pending") {
    if (nowMs < receivedAtMs + SCAN_PATIENCE_MS)
      return { kind: "wait", reason: "waits until Fast.io has scanned it for viruses", untilMs: soon };
    warnings.push(`Fast.io had not scanned it for viruses after ${minutes(SCAN_PATIENCE_MS)}`);
  }
  const { lock } = node;
  const isOurs = lock?.holderId !== undefined && sameOpaqueId(lock.holderId, selfUserId);
  const isHeld = lock !== undefined && !isOurs && (lock.untilMs ?? Number.POSITIVE_INFINITY) > nowMs;
  if (isHeld) {
    const holder = lock.holderId === undefined ? "somebody" : `user ${lock.holderId}`;
    if (nowMs < receivedAtMs + LOCK_PATIENCE_MS)
      return {
        kind: "wait",
        reason: `waits while ${holder} has it locked`,
        untilMs: Math.min(soon, lock.untilMs ?? soon),
      };
    warnings.push(`${holder} still had it locked after ${minutes(LOCK_PATIENCE_MS)}`);
  }
  return { kind: "readable", warnings };
}

const minutes = (ms: number): string => `${ms / 60_000} minutes`;
