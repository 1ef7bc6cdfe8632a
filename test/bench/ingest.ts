import type { BackendName, TestBackend } from "../support/backends.ts";
import { freePort } from "../support/child-server.ts";
import { cpuMs } from "../support/process-figures.ts";
import type { BenchContext, Part, Row } from "./frame/part.ts";
import { inRounds, median, ratios } from "./frame/statistics.ts";
import { startLoadGenerator } from "./load/load-generator.ts";
import { countDeliveries, waitForJobs } from "./load/look-at-ledger.ts";
import { type Receiver, startCeiling, startReceiver } from "./load/start-receivers.ts";

const CONNECTIONS = 64;
/** Whoever is slower gets fewer deliveries: about as many as it took in this time when it was measured last. */
const ROUND_SECONDS = 2;
/** But at least this part of what the fastest gets. */
const LEAST = 0.1;
/** Rounds of the largest size that count for nothing: the compiler goes on learning for some 50,000 deliveries. */
const WARM_UPS = 3;
const SECRET = "a secret of the bench that signs deliveries";

/** What takes part in each round. */
type Contestant = {
  readonly name: string;
  readonly receivers: readonly Receiver[];
  /** Where what it took is counted; undefined: it keeps nothing. */
  readonly store?: TestBackend;
  /** Whether a round ends with the last hand-over to the queue; else with the last answer. */
  readonly untilQueued: boolean;
};

type Round = { readonly perSecond: number; readonly cpuUs: number; readonly p99Ms: number };

export const ingest: Part = {
  name: "ingest",
  description: `Deliveries of 1 KB over ${CONNECTIONS} connections, each with an id and a signature of its own, as fast as they are answered. Each gets as many in a round as it takes in about ${ROUND_SECONDS} s, after ${WARM_UPS} rounds of the largest size for all that count for nothing. A round of the whole receiver ends when the last delivery is committed, answered and handed to the queue; with the queue down, when it is committed and answered. "Bare" is Hono answering 202 without a look; "verify" reads the delivery, verifies and normalises it and keeps nothing. PostgreSQL forces the disk at each commit. Two processes listen on a port each, with half of the connections.`,
  minutes: 5,
  sizeIs: "deliveries a round, at most",
  run: async (context) => {
    const size = context.size({ normal: 20_000, quick: 2_000 });
    const rounds = context.rounds({ normal: 5, quick: 2 });
    const load = startLoadGenerator(SECRET, CONNECTIONS);
    const close: (() => Promise<void> | void)[] = [() => load.close()];
    try {
      const contestants = await startAll(context, close);
      const sent = new Map<string, number>();
      const told = new Map<string, Round[]>();
      const next = new Map<string, number>();
      for (let round = -WARM_UPS; round < rounds; round += 1) {
        context.say(round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`);
        for (const one of contestants) {
          const count = round < 0 ? size : (next.get(one.name) ?? size);
          const name = `${Date.now().toString(36)}${round + WARM_UPS}`;
          await load.make(name, count);
          const all = (sent.get(one.name) ?? 0) + count;
          sent.set(one.name, all);
          const figures = await measure(context, load, one, { count, all });
          const inTime = Math.round(figures.perSecond * ROUND_SECONDS);
          next.set(one.name, Math.min(size, Math.max(Math.ceil(LEAST * size), inTime)));
          if (round >= 0) told.set(one.name, [...(told.get(one.name) ?? []), figures]);
        }
      }
      for (const one of contestants) await checkBooks(context, one, sent.get(one.name) ?? 0);
      return rowsOf(told);
    } finally {
      for (const end of close.reverse()) await end();
    }
  },
};

const STORE_NAMES: Readonly<Record<BackendName, string>> = {
  pglite: "PGlite",
  postgres: "PostgreSQL, queue in it",
  "redis + postgres": "PostgreSQL + Redis",
};

async function startAll(
  { stores, openStore, leaveOut, say }: BenchContext,
  close: (() => Promise<void> | void)[],
): Promise<readonly Contestant[]> {
  say("starting");
  const keep = (receiver: Receiver): Receiver => {
    close.push(() => receiver.stop());
    return receiver;
  };
  const open = async (name: BackendName): Promise<TestBackend> => {
    const store = await openStore(name);
    close.push(() => store.drop());
    return store;
  };
  const all: Contestant[] = [
    { name: "bare", receivers: [keep(await startCeiling("bare", SECRET))], untilQueued: false },
    { name: "verify", receivers: [keep(await startCeiling("verify", SECRET))], untilQueued: false },
  ];
  for (const name of stores) {
    const store = await open(name);
    const receivers = [keep(await startReceiver(store.environment, SECRET))];
    all.push({ name: STORE_NAMES[name], receivers, store, untilQueued: true });
  }
  if (!stores.includes("redis + postgres")) {
    leaveOut("the queue down, two processes, PostgreSQL + Redis (not found on this machine)");
    return all;
  }
  const two = await open("redis + postgres");
  const pair = [keep(await startReceiver(two.environment, SECRET)), keep(await startReceiver(two.environment, SECRET))];
  all.push({ name: "PostgreSQL + Redis, two processes", receivers: pair, store: two, untilQueued: true });
  const alone = await open("postgres");
  const down = { ...alone.environment, REDIS_URL: `redis://127.0.0.1:${await freePort()}` };
  const receivers = [keep(await startReceiver(down, SECRET))];
  all.push({ name: "PostgreSQL, queue down", receivers, store: alone, untilQueued: false });
  return all;
}

async function measure(
  { fault }: BenchContext,
  load: ReturnType<typeof startLoadGenerator>,
  { name, receivers, store, untilQueued }: Contestant,
  { count, all }: { readonly count: number; readonly all: number },
): Promise<Round> {
  const cpu = (): number => receivers.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
  const before = cpu();
  const beganMs = performance.now();
  const { seconds, statuses, p99Ms } = await load.send(receivers.map(({ port }) => port));
  if (statuses[202] !== count)
    fault(`${name}: of ${count} deliveries not all were answered 202: ${JSON.stringify(statuses)}`);
  const answeredMs = performance.now();
  const doneMs = store && untilQueued ? await waitForJobs(store, all, receivers, fault) : answeredMs;
  // Orders to the generator take a moment, which is none of the receiver's.
  const whole = seconds + Math.max(0, doneMs - answeredMs) / 1_000;
  const cpuUs = ((cpu() - before) * 1_000) / count;
  return { perSecond: count / Math.min(whole, (performance.now() - beganMs) / 1_000), cpuUs, p99Ms };
}

/** Nothing that was answered 202 may be missing. */
async function checkBooks(
  { fault }: BenchContext,
  { name, store, receivers }: Contestant,
  sent: number,
): Promise<void> {
  if (!store) return;
  for (const receiver of receivers) await receiver.stop();
  const { deliveries, events } = await countDeliveries(store);
  if (deliveries !== sent || events !== sent)
    fault(`${name}: of ${sent} accepted deliveries the ledger has ${deliveries}, with ${events} events`);
}

function rowsOf(told: ReadonlyMap<string, readonly Round[]>): readonly Row[] {
  const speedOf = (name: string): readonly number[] => (told.get(name) ?? []).map(({ perSecond }) => perSecond);
  const against = (name: string, ceiling: "bare" | "verify", atLeast: number): readonly Row[] =>
    told.has(name)
      ? [
          {
            what: `${name}, by ${ceiling}`,
            ...inRounds(ratios(speedOf(name), speedOf(ceiling))),
            unit: "×",
            wanted: { atLeast },
          },
        ]
      : [];
  return [
    ...[...told.keys()].map((name) => ({ what: name, ...inRounds(speedOf(name)), unit: "/s" })),
    ...against("PostgreSQL + Redis", "verify", 0.5),
    ...against("PostgreSQL + Redis", "bare", 0.22),
    ...against("PostgreSQL, queue down", "verify", 0.8),
    ...against("PGlite", "bare", 0.12),
    ...[...told].flatMap(([name, rounds]): readonly Row[] => [
      {
        what: `${name}: CPU time of the receiver a delivery`,
        ...inRounds(rounds.map(({ cpuUs }) => cpuUs)),
        unit: "µs",
      },
      { what: `${name}: 99th percentile`, value: median(rounds.map(({ p99Ms }) => p99Ms)), unit: "ms" },
    ]),
  ];
}
