import { createRandom, type Random } from "../../../src/emulators/kit/random.ts";
import { UPSTREAM_ILLS } from "./upstream-ills.ts";

export const STORES = ["redis", "postgres", "pglite"] as const;
/** Where ledger and queue are: Redis and PostgreSQL, PostgreSQL alone, or embedded. */
export type Store = (typeof STORES)[number];

/** Who and what there is to be struck, by name. */
export type Cast = {
  readonly relays: readonly string[];
  readonly servers: readonly string[];
  readonly lines: readonly string[];
};

/** One deed of the scheduler. */
export type Strike = {
  /** Milliseconds after the beginning. */
  readonly atMs: number;
  readonly ill: string;
  readonly target: string;
  readonly forMs: number;
  /** From 0 to 1: how hard, in the measure of the ill. */
  readonly dose: number;
};

export type PlanWish = {
  readonly seed: string;
  readonly store: Store;
  readonly forMs: number;
  /** From one strike to the next, on average. */
  readonly everyMs: number;
};

type Ill = {
  readonly ill: string;
  readonly targets: (cast: Cast) => readonly string[];
  /** What two strikes may not have at the same time. */
  readonly slot: (target: string) => string;
  readonly lastsMs: readonly [shortest: number, longest: number];
  /** How often it lies in the deck. */
  readonly cards: number;
};

const BOTH_WAYS = ({ lines }: Cast): readonly string[] => lines.flatMap((line) => [line, `${line} up`, `${line} down`]);
const LINES = ({ lines }: Cast): readonly string[] => lines;
const REDIS = ({ servers }: Cast): readonly string[] => servers.filter((name) => name === "redis");

/** What is struck on this side; what the upstreams do of themselves comes beside it. */
const ILLS: readonly Ill[] = [
  { ill: "kill", targets: ({ relays }) => relays, slot: (name) => name, lastsMs: [50, 4_000], cards: 8 },
  { ill: "kill", targets: ({ servers }) => servers, slot: (name) => name, lastsMs: [50, 4_000], cards: 4 },
  { ill: "stop", targets: ({ relays }) => relays, slot: (name) => name, lastsMs: [50, 1_000], cards: 2 },
  { ill: "latency", targets: BOTH_WAYS, slot: (line) => `latency ${line}`, lastsMs: [1_000, 6_000], cards: 3 },
  { ill: "limit", targets: BOTH_WAYS, slot: (line) => `limit ${line}`, lastsMs: [1_000, 6_000], cards: 3 },
  { ill: "slicer", targets: BOTH_WAYS, slot: (line) => `slicer ${line}`, lastsMs: [1_000, 5_000], cards: 3 },
  { ill: "half-open", targets: BOTH_WAYS, slot: (line) => `half-open ${line}`, lastsMs: [500, 8_000], cards: 4 },
  { ill: "reset", targets: LINES, slot: (line) => `reset ${line}`, lastsMs: [0, 0], cards: 4 },
  { ill: "cut", targets: LINES, slot: (line) => `listen ${line}`, lastsMs: [200, 5_000], cards: 4 },
  { ill: "refuse", targets: LINES, slot: (line) => `listen ${line}`, lastsMs: [200, 5_000], cards: 3 },
  { ill: "fill", targets: REDIS, slot: () => "redis memory", lastsMs: [500, 6_000], cards: 3 },
  { ill: "flush", targets: REDIS, slot: () => "redis flush", lastsMs: [0, 0], cards: 3 },
  {
    ill: "clock",
    targets: ({ relays }) => relays,
    slot: (name) => `clock ${name}`,
    lastsMs: [2_000, 20_000],
    cards: 4,
  },
  { ill: "clock", targets: () => ["all relays"], slot: () => "clock of all", lastsMs: [2_000, 20_000], cards: 2 },
];

const OF_UPSTREAMS: readonly Ill[] = UPSTREAM_ILLS.map(({ at, name, knobs }) => ({
  ill: at,
  targets: () => [name],
  slot: () => (knobs ? "knobs" : `${at} ${name}`),
  lastsMs: [800, 4_000],
  cards: 1,
}));

/** Nothing is struck before, so that there is something to strike. */
const FIRST_MS = 1_500;
const MOST_TRIES = 20;

/** Who plays in a run on this store. */
export function castFor(store: Store): Cast {
  const upstreams = ["fastio", "dify", "webhooks"];
  if (store === "pglite") return { relays: ["relay"], servers: [], lines: upstreams };
  const relays = ["receiver-1", "receiver-2", "worker-1", "worker-2"];
  if (store === "postgres") return { relays, servers: ["postgres"], lines: ["postgres", ...upstreams] };
  return { relays, servers: ["postgres", "redis"], lines: ["postgres", "redis", ...upstreams] };
}

/**
 * What is done to whom and when. The same wish gives the same plan: all chance is the seed's. Ills are drawn like cards
 * from a deck that is shuffled anew when it is empty, so that each comes about as often as it should.
 */
export function planStrikes({ seed, store, forMs, everyMs }: PlanWish): readonly Strike[] {
  const random = createRandom(`chaos ${seed}`);
  const cast = castFor(store);
  const busyUntilMs = new Map<string, number>();
  const strikes: Strike[] = [];
  const draw = createDeck(cast, random);
  for (let atMs = FIRST_MS; atMs < forMs; atMs += 1 + Math.round(-Math.log(1 - random.next()) * everyMs)) {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const ill = draw();
      const target = pick(ill.targets(cast), random);
      const [shortest, longest] = ill.lastsMs;
      const lasts = Math.min(forMs - atMs, Math.round(shortest + random.next() * (longest - shortest)));
      const dose = Math.round(random.next() * 1_000) / 1_000;
      const slot = ill.slot(target);
      if ((busyUntilMs.get(slot) ?? -1) >= atMs) continue;
      busyUntilMs.set(slot, atMs + lasts);
      strikes.push({ atMs, ill: ill.ill, target, forMs: lasts, dose });
      break;
    }
  }
  return strikes;
}

/** Deals ills that have somebody to strike. */
function createDeck(cast: Cast, random: Random): () => Ill {
  const all = [...ILLS, ...OF_UPSTREAMS]
    .filter(({ targets }) => targets(cast).length > 0)
    .flatMap((ill) => Array.from({ length: ill.cards }, () => ill));
  const left: Ill[] = [];
  return () => {
    if (left.length === 0) left.push(...shuffle(all, random));
    const ill = left.pop();
    if (!ill) throw new Error("there is nothing to strike");
    return ill;
  };
}

function shuffle<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ item }) => item);
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[Math.floor(random.next() * items.length)];
  if (item === undefined) throw new Error("there is nothing to pick from");
  return item;
}
