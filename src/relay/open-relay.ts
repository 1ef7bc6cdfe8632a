import type { Ledger } from "../ledger/open-ledger.ts";
import { readRedis } from "../redis/read-redis.ts";
import { openTrace } from "../telemetry/open-trace.ts";
import { createPrometheus } from "../telemetry/prometheus.ts";
import type { Upstreams } from "../upstreams.ts";
import { VERSION } from "../version.ts";
import { joinLedger } from "./join-ledger.ts";
import { openHealth } from "./open-health.ts";
import { openIntake } from "./open-intake.ts";
import type { OpenedWork, RelayDeps, RelayParts } from "./parts.ts";
import { startMetricsServer, startServer } from "./start-server.ts";

export type Relay = {
  /** Where the receiver and the pages are, or else the metrics; undefined without them. */
  readonly url: string | undefined;
  readonly ledger: Ledger;
  readonly upstreams: Upstreams;
  /** Stops taking in, lets running work end or park until the deadline, closes the ledger last. */
  close(): Promise<void>;
};

/** Loading and opening the rest computes in long stretches: whoever waited at the door comes in before. */
const FIRST_COME_MS = 50;

/**
 * Puts the parts together and starts them. To take deliveries it takes the ledger alone, so that is what is opened
 * first; the queue, the ways to the upstreams and the work are loaded and opened while deliveries are taken.
 */
export async function openRelay(deps: RelayDeps, parts: RelayParts): Promise<Relay> {
  const { config, clock, log } = deps;
  const ends: (() => Promise<void>)[] = [];
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(ends.splice(0).map((end) => end()));
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    // What is wrong with it is told before anybody is let in.
    if (config.redisUrl !== undefined) readRedis(config.redisUrl);
    const { ledger, leave } = await joinLedger(deps, parts);
    closers.push(leave);
    const { trace, close: closeTrace } = await openTrace(config.traces.endpoint, VERSION, log);
    closers.push(closeTrace);
    const prometheus = createPrometheus({ version: VERSION, ofProcess: deps.watchProcess ?? false });

    let work: OpenedWork | undefined;
    const soon = { now: () => work, opened: () => opening };
    const intake = openIntake(deps, { ledger, trace, metrics: prometheus.metrics }, soon);
    const health = openHealth(deps, { ...intake, prometheus }, soon);
    const listening = parts.receive ? startServer(deps, { ...intake, health }, soon) : startMetricsServer(deps, health);
    const opening = (async () => {
      if (await listening) await clock.sleep(FIRST_COME_MS);
      const { openWork } = await import("./open-work.ts");
      work = await openWork(deps, parts, intake);
      return work;
    })();
    opening.catch(() => undefined); // told below, and to whoever asks for it meanwhile
    closers.push(async () => work?.close(), intake.stop);

    const server = await listening;
    if (server) ends.push(server.close);
    const { upstreams, ends: workEnds } = await opening;
    ends.push(...workEnds);
    return { url: server?.url, ledger, upstreams, close };
  } catch (error) {
    await close();
    throw error;
  }
}
