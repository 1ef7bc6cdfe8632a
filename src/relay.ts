import type { LookupFunction } from "node:net";
import { type CheckReadiness, checkReadiness } from "../handlers/check-readiness.ts";
import { figureParts } from "../handlers/figure-parts.ts";
import { createLiveSecrets } from "../handlers/live-secrets.ts";
import { createNoteSignature } from "../handlers/note-signature.ts";
import { createReadAlerts } from "../handlers/read-alerts.ts";
import { createReadMetrics, type ReadMetrics } from "../handlers/read-metrics.ts";
import { receiveEdgeBatch } from "../handlers/receive-edge-batch.ts";
import { receiveFastioWebhook } from "../handlers/receive-fastio-webhook.ts";
import { createRefusalBudget } from "../handlers/refusal-budget.ts";
import { takeDelivery } from "../handlers/take-delivery.ts";
import type { QueueBackend } from "../queues/backend.ts";
import { createQueueBackend } from "../queues/create-queue-backend.ts";
import { createListened } from "../queues/events/listened-by.ts";
import { createPassOver } from "../queues/events/pass-over.ts";
import { createLane } from "../queues/hand-over-lane.ts";
import { createOutbox, type Queues } from "../queues/outbox.ts";
import { createOwnOutputs } from "../queues/own-outputs.ts";
import { startLookout } from "../queues/upkeep/lookout.ts";
import { startTicker } from "../queues/upkeep/ticker.ts";
import { createApp } from "./app.ts";
import type { Clock } from "./clock.ts";
import { ALERT_NOTICE_VARIABLE, type Config } from "./config.ts";
import { joinLedger } from "./join-ledger.ts";
import { createLazy } from "./lazy.ts";
import { COMMITS_AT_ONCE, createAccept } from "./ledger/accept.ts";
import { createWriter } from "./ledger/accept-deliveries.ts";
import { EVERY_RULE } from "./ledger/event-queries.ts";
import type { Ledger } from "./ledger/open-ledger.ts";
import { listen } from "./listen.ts";
import { createMetricsApp } from "./metrics-app.ts";
import { openGate } from "./open-gate.ts";
import { openPressure } from "./pressure/open-pressure.ts";
import type { QueueName } from "./queue-names.ts";
import type { LiveRules } from "./rules/live-rules.ts";
import type { Core } from "./start-work.ts";
import type { Log } from "./telemetry/log.ts";
import { openTrace } from "./telemetry/open-trace.ts";
import { createPrometheus } from "./telemetry/prometheus.ts";
import type { Trace } from "./telemetry/trace.ts";
import { openUpstreams, type Upstreams } from "./upstreams.ts";
import { VERSION } from "./version.ts";

export type RelayDeps = {
  readonly config: Config;
  readonly rules: LiveRules;
  /** How names become addresses. Default: as the system does it. */
  readonly lookup?: LookupFunction | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
  /** Whether the metrics tell of the process, too, which nothing stops before it ends. Default: they do not. */
  readonly watchProcess?: boolean;
  /** Keeps the queues of one Redis apart; BullMQ's own name for it. */
  readonly queuePrefix?: string;
};

/** Which parts run in this process. */
export type RelayParts = { readonly receive: boolean; readonly work: readonly QueueName[] };

export type Relay = {
  /** Where the receiver and the pages are, or else the metrics; undefined without them. */
  readonly url: string | undefined;
  readonly ledger: Ledger;
  readonly upstreams: Upstreams;
  /** Stops taking in, lets running work end or park until the deadline, closes the ledger last. */
  close(): Promise<void>;
};

/** Puts the parts together and starts them. */
export async function openRelay(deps: RelayDeps, parts: RelayParts): Promise<Relay> {
  const { config, clock, log } = deps;
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const { ledger, leave } = await joinLedger(deps, parts);
    closers.push(leave);

    const { trace, close: closeTrace } = await openTrace(config.traces.endpoint, VERSION, log);
    closers.push(closeTrace);
    const backend = await openBackend(deps, ledger, trace);
    closers.push(() => backend.close());
    const queues: Queues = {
      events: backend.open("events"),
      runs: backend.open("runs"),
      shares: backend.open("shares"),
      upkeep: backend.open("upkeep"),
    };
    const prometheus = createPrometheus({ version: VERSION, ofProcess: deps.watchProcess ?? false });
    const { metrics } = prometheus;
    const upstreams = openUpstreams(config, { ...deps, metrics, trace });
    closers.push(() => upstreams.close());
    const listened = createListened(() => deps.rules.now().rules, upstreams.fastio.selfUserId);
    const ownOutputs = createOwnOutputs();
    const write = createWriter(ledger.db, createPassOver({ listened, ownOutputs }));
    const lookout = startLookout({ db: ledger.work, clock, log });
    closers.push(lookout.stop);
    const { accept, pressure, stop } = openPressure(
      createAccept({
        write: (batch) => write(batch, lane.isFlowing() ? clock.now() : null),
        log,
        commitsAtOnce: COMMITS_AT_ONCE[ledger.kind],
        onCommitted: ({ newEvents, passedOver, isQueued }) => {
          for (const { drop } of passedOver) metrics.dropped(EVERY_RULE, drop);
          lane.take(newEvents.map((event) => ({ ...event, generation: 0, isMarked: isQueued })));
        },
      }),
      { limits: config.pressure, ledger, backend, lookout, clock, log },
    );
    closers.push(stop);
    const { holdsBack } = pressure;
    const outbox = createOutbox({
      db: ledger.work,
      queues,
      clock,
      log,
      holdsBack,
      trace,
      metrics,
      listened,
    });
    const lane = createLane({ hand: outbox.sendEvents, clock });
    const stopTicker = startTicker({
      queue: queues.upkeep,
      clock,
      log,
      lookout,
      retentionMs: config.ledger.retentionMs,
    });
    const core = { ledger, backend, queues, upstreams, outbox, ownOutputs, lookout, metrics, trace, accept, pressure };
    const ends = [async () => stopTicker()];
    let release = async (): Promise<void> => undefined;
    closers.push(() => release());
    closers.push(async () => {
      await Promise.all(ends.map((end) => end()));
    });

    const health = {
      readiness: checkReadiness({
        db: ledger.db,
        clock,
        checkQueue: (signal) => backend.check(signal),
        refused: deps.rules.refused,
        pressure,
      }),
      readMetrics: createReadMetrics({
        prometheus,
        parts: figureParts({ db: ledger.db, queues, clock, pressure }),
        clock,
        log,
      }),
    };
    // Before the work: a backlog is much to compute, and deliveries are not to wait for it.
    const server = parts.receive
      ? await startServer(deps, { ...core, health })
      : await startMetricsServer(deps, health);
    if (server) ends.push(server.close);
    const { startWork } = await import("./start-work.ts");
    const work = startWork(deps, parts, core);
    ends.push(...work.ends);
    release = work.release;
    return { url: server?.url, ledger, upstreams, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openBackend(
  { config, clock, random, log, queuePrefix: prefix }: RelayDeps,
  ledger: Ledger,
  trace: Trace,
): Promise<QueueBackend> {
  const at = { clock, random, log, trace };
  if (config.redisUrl !== undefined)
    return createQueueBackend({ kind: "redis", url: config.redisUrl, ...(prefix === undefined ? {} : { prefix }) }, at);
  if (ledger.pglite) return createQueueBackend({ kind: "pglite", pglite: ledger.pglite }, at);
  return createQueueBackend({ kind: "postgres", url: config.ledger.url }, at);
}

type Health = { readonly readiness: CheckReadiness; readonly readMetrics: ReadMetrics };

async function startServer(
  deps: RelayDeps,
  { ledger, queues, upstreams, accept, pressure, outbox, metrics, trace, health }: Core & { readonly health: Health },
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const { config, clock, newId, log } = deps;
  const { db } = ledger;
  const live = createLiveSecrets({
    secrets: config.fastio.secrets,
    file: config.fastio.secretsFile,
    scheme: config.fastio.signature,
    clock,
    log,
  });
  const taking = {
    clock,
    newId,
    verify: live.verify,
    secretPrints: live.prints,
    accept,
    keepRefusal: createRefusalBudget(),
    trace,
    noteSignature: createNoteSignature({ db, clock, log, secretPrints: live.prints }),
    log,
  };
  const take = takeDelivery(taking);
  const isTold = config.notices.urlOf(ALERT_NOTICE_VARIABLE) !== undefined;
  const alerts = createReadAlerts({ db, clock, isTold });
  const gate = openGate(config, { ...deps, countAlerts: alerts.count });
  const pages = createLazy(async () => {
    const { openPages } = await import("./open-pages.ts");
    return openPages(deps, { ledger, queues, upstreams, accept, outbox, live, alerts, gate });
  });
  const app = createApp({
    receive: receiveFastioWebhook({ clock, newId, take }),
    receiveEdge: receiveEdgeBatch({ ...taking, secret: config.edgeSecret, take }),
    ...health,
    ...gate,
    ...{ metrics, trace, pressure, log },
    openPages: async () => (await pages.open()).app,
  });
  const server = await listen(app.fetch, config.http);
  // Who listens for news would hold the connection until the last moment.
  const close = (): Promise<void> => {
    pages.opened()?.close();
    return server.close();
  };
  return { url: server.url, close };
}

/** For whoever watches a process that only works. */
async function startMetricsServer(deps: RelayDeps, health: Health) {
  const { host, metricsPort: port } = deps.config.http;
  if (port === undefined) return undefined;
  return listen(
    createMetricsApp({ ...health, ...openGate(deps.config, { ...deps, countAlerts: async () => 0 }) }).fetch,
    { host, port },
  );
}
