import type { Allowance } from "./judge.ts";

/** How a series is shown and judged. */
export type Watched = {
  readonly title: string;
  readonly unit: "MiB" | "count" | "ms" | "%" | "s";
  /** undefined: told, not judged. */
  readonly allowance: Allowance | undefined;
  /** Settles only when retention has begun to forget as much as comes. */
  readonly followsRetention: boolean;
  /** Among the first that are drawn in the report. */
  readonly isDrawn: boolean;
};

type Kind = Omit<Watched, "title">;

const MEMORY: Kind = {
  unit: "MiB",
  allowance: { partOfMean: 0.1, absolute: 10 },
  followsRetention: false,
  isDrawn: false,
};
const FEW: Kind = { unit: "count", allowance: { partOfMean: 0, absolute: 5 }, followsRetention: false, isDrawn: false };
const ROWS: Kind = {
  unit: "count",
  allowance: { partOfMean: 0.1, absolute: 50 },
  followsRetention: true,
  isDrawn: false,
};
const TOLD: Kind = { unit: "count", allowance: undefined, followsRetention: false, isDrawn: false };

/** Of each process of the relay; the first part of a series' name is the process. */
const OF_PROCESS: Readonly<Record<string, Watched>> = {
  rss: { ...MEMORY, title: "resident memory", isDrawn: true },
  heap: { ...MEMORY, title: "heap used", isDrawn: true },
  external: { ...MEMORY, title: "external memory" },
  descriptors: { ...FEW, title: "open file descriptors", isDrawn: true },
  sockets: { ...FEW, title: "sockets" },
  resources: {
    ...FEW,
    title: "active resources (timers, sockets, requests)",
    allowance: { partOfMean: 0.1, absolute: 10 },
  },
  threads: { ...FEW, title: "threads" },
  lag: {
    unit: "ms",
    title: "event loop delay, p99",
    allowance: { partOfMean: 0.25, absolute: 10 },
    followsRetention: false,
    isDrawn: false,
  },
  cpu: {
    unit: "%",
    title: "processor time, of one core",
    allowance: { partOfMean: 0.3, absolute: 5 },
    followsRetention: false,
    isDrawn: false,
  },
};

const OF_STORES: Readonly<Record<string, Watched>> = {
  "redis.memory": {
    ...MEMORY,
    title: "Redis: memory used",
    allowance: { partOfMean: 0.1, absolute: 2 },
    isDrawn: true,
  },
  "redis.keys": { ...ROWS, title: "Redis: keys", isDrawn: true },
  "redis.clients": { ...FEW, title: "Redis: connections" },
  "postgres.connections": { ...FEW, title: "PostgreSQL: connections" },
  "postgres.size": {
    ...MEMORY,
    title: "PostgreSQL: size of its tables",
    followsRetention: true,
    isDrawn: true,
  },
  "folder.size": { ...MEMORY, title: "embedded database: size of its folder", followsRetention: true, isDrawn: true },
  "relay.outboxAge": {
    unit: "s",
    title: "outbox: age of the oldest",
    allowance: { partOfMean: 0.1, absolute: 5 },
    followsRetention: false,
    isDrawn: false,
  },
  "relay.outbox": { ...FEW, title: "outbox: depth", allowance: { partOfMean: 0.1, absolute: 10 } },
  "relay.open": { ...FEW, title: "runs that have not ended", allowance: { partOfMean: 0.25, absolute: 20 } },
  "load.machine": { ...TOLD, title: "programs that want the processors, ours and others (load average)" },
  "load.owed": { ...FEW, title: "files dropped and not delivered yet", allowance: { partOfMean: 0.25, absolute: 20 } },
};

/** Tables that grow with what people do or rules there are, not with files; see docs/decisions/0022-what-is-kept.md. */
const KEPT_ON_PURPOSE: ReadonlySet<string> = new Set(["operator_actions", "folder_claims", "rule_days"]);

/** @param name of a series, such as `work.rss`, `rows.runs` or `jobs.events.completed`; undefined: nobody watches it */
export function watchedOf(name: string): Watched | undefined {
  const [head = "", ...rest] = name.split(".");
  const tail = rest.join(".");
  if (head === "rows")
    return { ...(KEPT_ON_PURPOSE.has(tail) ? TOLD : ROWS), title: `rows of ${tail}`, isDrawn: false };
  if (head === "jobs") return { ...ROWS, title: `jobs in queue ${tail.replace(".", ", ")}` };
  const ofStores = OF_STORES[name];
  if (ofStores) return ofStores;
  const ofProcess = OF_PROCESS[tail];
  if (!ofProcess || !["receive", "work", "start", "emulators"].includes(head)) return undefined;
  // The emulators keep all that ever happened, for the books.
  return {
    ...ofProcess,
    title: `${head}: ${ofProcess.title}`,
    ...(head === "emulators" ? { allowance: undefined, isDrawn: false } : {}),
  };
}
