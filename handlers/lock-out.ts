import { isIPv6 } from "node:net";
import type { Log } from "../src/telemetry/log.ts";

/** Keeps those who try out tokens waiting. */
export type LockOut = {
  /** How long this client is still to wait, in milliseconds; 0: it may try. */
  waitMs(client: string, nowMs: number): number;
  /** It presented what is no token. */
  failed(client: string, nowMs: number): void;
  /** It presented a token: what it did before is forgiven. */
  succeeded(client: string): void;
};

/** Wrong tokens that cost nothing: people mistype, and programs are started with an old token. */
const FREE_TRIES = 10;
/** While very many clients fail, as one who has many addresses would make them, each has fewer. */
const FREE_TRIES_IN_A_STORM = 2;
const STORM_FAILURES = 200;
const STORM_WINDOW_MS = 60_000;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** After this long without a failure nothing is held against a client. */
const FORGET_MS = 15 * 60_000;
/** Clients that are remembered; beyond it the one that failed longest ago is forgotten. */
const MOST_CLIENTS = 10_000;

type Record = { failures: number; lastMs: number; untilMs: number };

/**
 * Counts wrong tokens by client. A client that waits is not heard, whatever it presents, or waiting would mean nothing;
 * nobody else is kept out by it, also in a storm: who presents a right token is let in.
 */
export function createLockOut(log: Log, mostClients = MOST_CLIENTS): LockOut {
  /** Those who failed last come last. */
  const clients = new Map<string, Record>();
  const storm = { sinceMs: 0, failures: 0 };

  const recordOf = (key: string, nowMs: number): Record | undefined => {
    const found = clients.get(key);
    if (!found || nowMs - found.lastMs < FORGET_MS || nowMs < found.untilMs) return found;
    clients.delete(key);
    return undefined;
  };

  return {
    waitMs: (client, nowMs) => Math.max(0, (recordOf(keyOf(client), nowMs)?.untilMs ?? 0) - nowMs),
    failed: (client, nowMs) => {
      const key = keyOf(client);
      if (nowMs - storm.sinceMs >= STORM_WINDOW_MS) Object.assign(storm, { sinceMs: nowMs, failures: 0 });
      storm.failures += 1;
      if (storm.failures === STORM_FAILURES) log.warn("access.many_failures", { failures: storm.failures });
      const free = storm.failures >= STORM_FAILURES ? FREE_TRIES_IN_A_STORM : FREE_TRIES;

      const record = recordOf(key, nowMs) ?? { failures: 0, lastMs: nowMs, untilMs: 0 };
      record.failures += 1;
      record.lastMs = nowMs;
      clients.delete(key);
      clients.set(key, record);
      if (record.failures >= free) {
        const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (record.failures - free));
        record.untilMs = nowMs + waitMs;
        log.warn("access.locked_out", { client: key, failures: record.failures, waitMs });
      }
      const [oldest] = clients.keys();
      if (clients.size > mostClients && oldest !== undefined) clients.delete(oldest);
    },
    succeeded: (client) => {
      clients.delete(keyOf(client));
    },
  };
}

/** Who has one address of an IPv6 network of 64 bits has all of them. */
function keyOf(client: string): string {
  if (!isIPv6(client)) return client;
  const [head = "", tail] = client.split("%", 1)[0]?.split("::") ?? [];
  const front = head.split(":").filter((part) => part !== "");
  const back = (tail ?? "").split(":").filter((part) => part !== "");
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  const parts = [...front, ...(tail === undefined ? [] : zeros), ...back];
  return `${parts
    .slice(0, 4)
    .map((part) => Number.parseInt(part, 16).toString(16))
    .join(":")}::/64`;
}
