import type { Clock } from "../src/clock.ts";
import { listOpenAlerts } from "../src/ledger/alerts.ts";
import { type Backlog, readOutstanding } from "../src/ledger/backlog.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { countOpenRuns, listAppsNow, readBacklog } from "../src/ledger/overview-queries.ts";
import { listProcesses } from "../src/ledger/processes.ts";
import { listRuleStates } from "../src/ledger/rule-state-queries.ts";
import { readSources, type WorkspaceSources } from "../src/ledger/source-report.ts";
import type { Pressure } from "../src/pressure/watch-pressure.ts";
import { workedQueues } from "../src/processes/worked-queues.ts";
import { OTHER } from "../src/telemetry/bounded-label.ts";
import type { GaugeName, Reading } from "../src/telemetry/gauges.ts";
import type { FigurePart } from "./read-metrics.ts";

export type FigureDeps = {
  readonly db: Db;
  /** By name; each tells how many jobs it has in which state. */
  readonly queues: Readonly<Record<string, { counts(): Promise<Readonly<Record<string, number>>> }>>;
  readonly clock: Clock;
  readonly pressure: Pick<Pressure, "strains">;
};

/** How old a figure may be. Those that cost more are read less often. */
const FRESH_MS = { cheap: 5_000, dear: 30_000 } as const;
/** Apps, rules and workspaces that are told of one by one. */
const MOST = 100;
const SOURCES_SINCE_MS = 3_600_000;

/** What is read of the ledger and the queue when metrics are asked for. */
export const figureParts = ({ db, queues, clock, pressure }: FigureDeps): readonly FigurePart[] => [
  {
    name: "pressure",
    freshMs: 0,
    read: async () => pressure.strains().map(({ reason }) => of("relay_pressure", { reason }, 1)),
  },
  {
    name: "queues",
    freshMs: FRESH_MS.cheap,
    read: async () => {
      const counted = Object.entries(queues).map(async ([queue, { counts }]) =>
        Object.entries(await counts()).map(([state, count]) => of("relay_queue_jobs", { queue, state }, count)),
      );
      return (await Promise.all(counted)).flat();
    },
  },
  {
    name: "ledger",
    freshMs: FRESH_MS.cheap,
    read: async () => {
      const nowMs = clock.now();
      const waiting = await readOutstanding(db, nowMs);
      const unrouted = await readBacklog(db);
      const apps = await listAppsNow(db, nowMs);
      const alerts = await listOpenAlerts(db);
      const states = [...(await listRuleStates(db)).values()].filter(({ state }) => state === "paused");
      return [
        ...outboxReadings("event", waiting.events, nowMs),
        ...outboxReadings("run", waiting.runs, nowMs),
        of("relay_events_unrouted", {}, unrouted.count),
        of("relay_events_unrouted_age_seconds", {}, ageOf(unrouted, nowMs)),
        ...apps
          .slice(0, MOST)
          .flatMap(({ app, slots, atWork }) => [
            of("relay_app_limit_slots", { app }, slots),
            of("relay_app_slots_used", { app }, atWork),
          ]),
        ...workedQueues(await listProcesses(db), nowMs).map(({ name, workers }) =>
          of("relay_queue_workers", { queue: name }, workers),
        ),
        ...alerts.slice(0, MOST).map(({ kind, subject }) => of("relay_alert", { kind, subject }, 1)),
        ...states.slice(0, MOST).map(({ ruleName }) => of("relay_rule_paused", { rule: ruleName }, 1)),
      ];
    },
  },
  {
    name: "runs",
    freshMs: FRESH_MS.dear,
    read: async () =>
      [...sumByStatus(await countOpenRuns(db))].map(([status, count]) => of("relay_runs", { status }, count)),
  },
  {
    name: "sources",
    freshMs: FRESH_MS.dear,
    read: async () => {
      const sources = await readSources(db, clock.now() - SOURCES_SINCE_MS);
      const named = sources.toSorted(byLastSign);
      return [...named.slice(0, MOST).flatMap(sourceReadings), ...eventReadings(OTHER, sumOf(named.slice(MOST)))];
    },
  },
];

const of = (gauge: GaugeName, labels: Reading["labels"], value: number): Reading => ({ gauge, labels, value });

function sumByStatus(open: Awaited<ReturnType<typeof countOpenRuns>>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { status, count } of open) sums.set(status, (sums.get(status) ?? 0) + count);
  return sums;
}

const ageOf = ({ oldestMs }: Pick<Backlog, "oldestMs">, nowMs: number): number =>
  oldestMs === null ? 0 : Math.max(0, nowMs - oldestMs) / 1_000;

const outboxReadings = (kind: string, backlog: Backlog, nowMs: number): readonly Reading[] => [
  of("relay_outbox_depth", { kind }, backlog.depth),
  of("relay_outbox_age_seconds", { kind }, ageOf(backlog, nowMs)),
];

const lastSignOf = ({ lastReceivedAtMs, pulledAtMs }: WorkspaceSources): number =>
  Math.max(lastReceivedAtMs ?? 0, pulledAtMs ?? 0);
const byLastSign = (a: WorkspaceSources, b: WorkspaceSources): number => lastSignOf(b) - lastSignOf(a);

type Told = Pick<WorkspaceSources, "received" | "found" | "recovered">;

const eventReadings = (workspace: string, { received, found, recovered }: Told): readonly Reading[] => [
  of("relay_source_events", { workspace, way: "received" }, received),
  of("relay_source_events", { workspace, way: "found" }, found),
  of("relay_source_events", { workspace, way: "recovered" }, recovered),
];

const sumOf = (sources: readonly Told[]): Told => ({
  received: sources.reduce((sum, { received }) => sum + received, 0),
  found: sources.reduce((sum, { found }) => sum + found, 0),
  recovered: sources.reduce((sum, { recovered }) => sum + recovered, 0),
});

function sourceReadings(source: WorkspaceSources): readonly Reading[] {
  const { workspaceId: workspace, lastReceivedAtMs, pulledAtMs, failingSinceMs, checkFailingSinceMs } = source;
  const sign = (from: string, atMs: number | null) =>
    atMs === null ? [] : [of("relay_source_last_sign_timestamp_seconds", { workspace, source: from }, atMs / 1_000)];
  return [
    ...eventReadings(workspace, source),
    ...sign("webhook", lastReceivedAtMs),
    ...sign("catch_up", pulledAtMs),
    of("relay_source_failing", { workspace }, failingSinceMs === null ? 0 : 1),
    of("relay_source_unchecked", { workspace }, checkFailingSinceMs === null ? 0 : 1),
  ];
}
