import { createLiveSecrets } from "../../handlers/live-secrets.ts";
import { createNoteSignature } from "../../handlers/note-signature.ts";
import { createReadAlerts } from "../../handlers/read-alerts.ts";
import { receiveEdgeBatch } from "../../handlers/receive-edge-batch.ts";
import { receiveFastioWebhook } from "../../handlers/receive-fastio-webhook.ts";
import { createRefusalBudget } from "../../handlers/refusal-budget.ts";
import { takeDelivery } from "../../handlers/take-delivery.ts";
import { ALERT_NOTICE_VARIABLE } from "../config.ts";
import { createLazy } from "../lazy.ts";
import { idByTime } from "../ledger/id-by-time.ts";
import { createApp } from "../routes/app.ts";
import { createMetricsApp } from "../routes/metrics-app.ts";
import { listen } from "../server/listen.ts";
import { openGate } from "./open-gate.ts";
import type { Health } from "./open-health.ts";
import type { Intake, RelayDeps, Soon, Ways } from "./parts.ts";

/** Lets in deliveries, and whoever wants to see or change something. */
export async function startServer(
  deps: RelayDeps,
  { ledger, accept, pressure, metrics, trace, health }: Intake & { readonly health: Health },
  soon: Soon<Ways>,
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
    const { queues, upstreams, outbox } = await soon.opened();
    const { openPages } = await import("./open-pages.ts");
    return openPages(deps, { ledger, queues, upstreams, accept, outbox, live, alerts, gate });
  });
  const app = createApp({
    receive: receiveFastioWebhook({ clock, newId: () => idByTime(newId(), clock.now()), take }),
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
export async function startMetricsServer(deps: RelayDeps, health: Health) {
  const { host, metricsPort: port } = deps.config.http;
  if (port === undefined) return undefined;
  return listen(
    createMetricsApp({ ...health, ...openGate(deps.config, { ...deps, countAlerts: async () => 0 }) }).fetch,
    { host, port },
    { host: "HOST", port: "METRICS_PORT" },
  );
}
