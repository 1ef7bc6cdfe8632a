import type { Clock } from "../../src/clock.ts";
import { endsLink } from "../../src/rules/delivery-storage.ts";
import type { RunDesk } from "../run-desk.ts";

/** What is written with a share that is made or made anew: nobody has closed it. */
export const OPEN = { shareClosedAtMs: null, shareCloseError: null, shareCloseRetryAtMs: 0 } as const;

const SECOND_MS = 1_000;

/**
 * Writes down when the link is to end and who ends it, before there is a link: whatever happens next, it will not
 * outlive that. A replay counts anew.
 * @returns milliseconds since the Unix epoch, a whole second as Fast.io's times are; undefined: it does not end
 */
export async function promiseEnd(clock: Clock, desk: RunDesk): Promise<number | undefined> {
  const { deliver } = desk.run.rule;
  if (deliver.expiresAfterMs === undefined) return undefined;
  const atMs = Math.ceil((clock.now() + deliver.expiresAfterMs) / SECOND_MS) * SECOND_MS;
  await desk.checkpoint({ shareExpiresAtMs: atMs, shareExpiresBy: endsLink(deliver) });
  return atMs;
}
