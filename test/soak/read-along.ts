import { setTimeout as delay } from "node:timers/promises";
import { forgeDelivery, listen, readText } from "./ask-relay.ts";

/** What readers did, counted. */
export type ReadingTally = { reads: number; failed: number; streams: number; forged: number };

const PAGES = [
  "/",
  "/runs",
  "/api/runs?limit=50",
  "/api/overview",
  "/events",
  "/deliveries",
  "/runs?q=file",
  "/alerts",
  "/rules",
  "/shares",
  "/audit",
  "/healthz",
  "/readyz",
  "/metrics",
] as const;
const READ_EVERY_MS = 700;
const FORGE_EVERY_MS = 5_000;
const LISTENERS = 4;
const LONGEST_LISTEN_MS = 20_000;

/**
 * People and machines that look at the relay all the time: pages one after the other, streams of news that are opened
 * and left, and strangers' deliveries.
 * @returns resolves when the signal has ended all of it
 */
export async function readAlong(
  relayUrl: string,
  random: () => number,
  tally: ReadingTally,
  signal: AbortSignal,
): Promise<void> {
  const again = async (everyMs: () => number, once: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      await once().catch(() => {
        if (!signal.aborted) tally.failed += 1;
      });
      await delay(everyMs(), undefined, { signal }).catch(() => undefined);
    }
  };
  let page = 0;
  await Promise.all([
    again(
      () => READ_EVERY_MS,
      async () => {
        const path = PAGES[page % PAGES.length] ?? "/";
        page += 1;
        await readText(relayUrl + path);
        tally.reads += 1;
      },
    ),
    again(
      () => FORGE_EVERY_MS,
      async () => {
        const status = await forgeDelivery(relayUrl);
        if (status !== 401) throw new Error(`a forged delivery was answered ${status}`);
        tally.forged += 1;
      },
    ),
    ...Array.from({ length: LISTENERS }, () =>
      again(
        () => 100 + random() * 1_000,
        async () => {
          await listen(relayUrl, 1_000 + random() * LONGEST_LISTEN_MS, signal);
          tally.streams += 1;
        },
      ),
    ),
  ]);
}
