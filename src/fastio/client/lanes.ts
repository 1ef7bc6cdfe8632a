import { HELD_BYTES, MOST_PARALLEL } from "./chunk-size.ts";
import type { Session } from "./upload-sessions.ts";

/**
 * How many chunks may be under way at once.
 * @param heldBytes what each of them holds in memory
 */
export function lanesOf({ dialect }: Pick<Session, "dialect">, heldBytes: number): number {
  // The guide wants its chunks one after another.
  if (dialect === "guide") return 1;
  return heldBytes === 0 ? MOST_PARALLEL : Math.min(MOST_PARALLEL, Math.floor(HELD_BYTES / heldBytes));
}

/** Runs so many lanes to their end. The first to fail stops the others, by `failed`. @throws what it failed with */
export async function runLanes(
  count: number,
  lane: () => Promise<void>,
  failed: AbortController,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => lane().catch((error: unknown) => failed.abort(error))));
  signal.throwIfAborted();
  // The errors of the others only say so.
  if (failed.signal.aborted) throw failed.signal.reason;
}
