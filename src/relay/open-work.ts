import type { QueueBackend } from "../../queues/backend.ts";
import { createQueueBackend } from "../../queues/create-queue-backend.ts";
import { createOutbox, type Queues } from "../../queues/outbox.ts";
import { startTicker } from "../../queues/upkeep/ticker.ts";
import type { Ledger } from "../ledger/open-ledger.ts";
import type { Trace } from "../telemetry/trace.ts";
import { openUpstreams } from "../upstreams.ts";
import type { Intake, OpenedWork, RelayDeps, RelayParts } from "./parts.ts";
import { startWork } from "./start-work.ts";

/** Opens the queue and the ways to the upstreams, and starts what works in this process. */
export async function openWork(deps: RelayDeps, parts: RelayParts, intake: Intake): Promise<OpenedWork> {
  const { config, clock, log } = deps;
  const { ledger, trace, metrics, lookout, listened } = intake;
  const { holdsBack } = intake.pressure;
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const backend = await openBackend(deps, ledger, trace);
    closers.push(() => backend.close());
    const queues: Queues = {
      events: backend.open("events"),
      runs: backend.open("runs"),
      shares: backend.open("shares"),
      upkeep: backend.open("upkeep"),
    };
    const upstreams = openUpstreams(config, { ...deps, metrics, trace });
    closers.push(() => upstreams.close());
    const outbox = createOutbox({ db: ledger.work, queues, clock, log, holdsBack, trace, metrics, listened });
    const stopTicker = startTicker({
      queue: queues.upkeep,
      clock,
      log,
      lookout,
      retentionMs: config.ledger.retentionMs,
    });
    const opened = { backend, queues, upstreams, outbox };
    const work = startWork(deps, parts, { ...intake, ...opened });
    closers.push(work.release);
    return { ...opened, ends: [async () => stopTicker(), ...work.ends], close };
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
