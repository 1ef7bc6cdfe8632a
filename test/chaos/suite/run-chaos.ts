import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_KNOBS } from "../../../src/emulators/fastio/knobs.ts";
import { createRandom } from "../../../src/emulators/kit/random.ts";
import { type Audit, auditBooks } from "../../support/audit-books.ts";
import { readLedgerFacts } from "../../support/ledger-facts.ts";
import { createOperator, type Deeds, type Operator } from "./operator.ts";
import { dropFiles } from "./people.ts";
import { planStrikes, type Store, type Strike } from "./plan.ts";
import { settle } from "./settle.ts";
import { OUTPUTS, openStage, type Stage } from "./stage.ts";
import { type Heal, strike } from "./strike.ts";

export type ChaosWish = {
  readonly seed: string;
  readonly store: Store;
  readonly minutes: number;
  readonly files: number;
  /** Milliseconds from one strike to the next, on average. */
  readonly everyMs: number;
  /** How long all may take to come to rest afterwards. */
  readonly settleMs: number;
};

export type ChaosResult = {
  readonly wish: ChaosWish;
  readonly strikes: readonly Strike[];
  /** Strikes that could not be made, or not be ended, with why. */
  readonly missed: readonly string[];
  readonly deeds: Deeds;
  readonly isSettled: boolean;
  readonly lastOpen: string;
  readonly settledAfterMs: number;
  /** Processes that ended by themselves after they had started, with their last words. */
  readonly crashes: readonly string[];
  /** How often one ended before it had started, as when its database was away. */
  readonly earlyEnds: number;
  /** Processes that did not end well when they were asked to, at the end. */
  readonly badStops: readonly string[];
  readonly audit: Audit;
};

/** Old deliveries that come once more when all is over. */
const LATE_REPEATS = 25;
const LOOK_EVERY_MS = 2_000;

/** Whether nothing was lost, nothing doubled, nothing left lying, and no process fell over. */
export const isClean = ({ isSettled, crashes, badStops, audit }: ChaosResult): boolean =>
  isSettled && crashes.length + badStops.length + audit.findings.length === 0;

/** Sets the stage, strikes by the seed's plan while people drop files, lets all come to rest, and compares the books. */
export async function runChaos(wish: ChaosWish, say: (line: string) => void): Promise<ChaosResult> {
  const { seed, store, minutes, files } = wish;
  const forMs = minutes * 60_000;
  const strikes = planStrikes({ ...wish, forMs });
  const logs = join(tmpdir(), `relay-chaos-logs-${process.pid}`);
  say(`seed ${seed}, ${store}, ${strikes.length} strikes in ${minutes} min, ${files} files; logs in ${logs}`);
  const stage = await openStage(store, seed, logs);
  try {
    const operator = createOperator(stage.receiverUrls);
    const ending = new AbortController();
    const watching = watch(operator, ending.signal);
    const dropping = dropFiles(stage.upstreams, { seed, files, forMs });
    const missed = await strikeAll(strikes, stage, say);
    await dropping;
    ending.abort();
    await watching;

    say("all is healed");
    const healedMs = performance.now();
    await endFaults(stage);
    await repeatSome(stage, seed);
    const { isSettled, last } = await settle({ upstreams: stage.upstreams, operator, say }, wish.settleMs);
    const settledAfterMs = performance.now() - healedMs;
    const stops = await stage.stopRelays();
    const books = await stage.upstreams.books();
    const ledger = await readLedgerFacts(stage.databaseUrl);
    const ends = [...stage.relays.values()].map((actor) => actor.ends);
    return {
      wish,
      strikes,
      missed,
      deeds: operator.deeds,
      isSettled,
      lastOpen: last,
      settledAfterMs,
      crashes: ends.flatMap(({ late }) => late),
      earlyEnds: ends.reduce((sum, { early }) => sum + early, 0),
      badStops: [...stops].flatMap(([name, code]) => (code === 0 ? [] : [`${name} ended with ${code}`])),
      audit: auditBooks({ ...books, ledger, folder: "/Inbox/", outputs: OUTPUTS }),
    };
  } finally {
    await stage.end();
  }
}

/** @returns what did not come about as planned */
async function strikeAll(
  strikes: readonly Strike[],
  stage: Stage,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const missed: string[] = [];
  const beganMs = performance.now();
  const healing: Promise<void>[] = [];
  const sinceMs = (): number => performance.now() - beganMs;
  const heal = async (end: Heal, { atMs, forMs, ill, target }: Strike): Promise<void> => {
    await delay(Math.max(0, atMs + forMs - sinceMs()));
    try {
      await end();
    } catch (error) {
      missed.push(`end of ${ill} ${target}: ${String(error)}`);
    }
  };
  for (const one of strikes) {
    await delay(Math.max(0, one.atMs - sinceMs()));
    say(`${(one.atMs / 1_000).toFixed(1)} s  ${one.ill} ${one.target} for ${one.forMs} ms, dose ${one.dose}`);
    const begun = strike(one, stage).then(
      (end) => heal(end, one),
      (error: unknown) => void missed.push(`${one.ill} ${one.target}: ${String(error)}`),
    );
    healing.push(begun);
  }
  await Promise.all(healing);
  return missed;
}

/** The operator looks again and again, whether or not anybody answers. */
async function watch(operator: Operator, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await operator.look().catch(() => undefined);
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Also the usual faults of webhooks, which stood all the time. */
async function endFaults({ upstreams, relays, servers, lines }: Stage): Promise<void> {
  for (const at of ["fastio", "dify"] as const) await upstreams.endAllFaults(at);
  await upstreams.setKnobs(DEFAULT_KNOBS);
  // A server that did not come back is somebody's fault, but not the relay's.
  for (const server of servers.values()) if (server.pid === -1) await server.start();
  for (const line of lines.values()) await line.mend();
  for (const actor of relays.values()) actor.live();
  await Promise.all([...relays.values()].map((actor) => actor.untilReady()));
}

async function repeatSome({ upstreams }: Stage, seed: string): Promise<void> {
  const random = createRandom(`repeats ${seed}`);
  const { deliveries } = (await upstreams.books()).fastio;
  for (let index = 0; index < LATE_REPEATS; index += 1) {
    const delivery = deliveries[Math.floor(random.next() * deliveries.length)];
    if (delivery) await upstreams.replay(delivery.id);
  }
}
