import { WRONG_METHOD_ANSWER } from "./delivery-answers.ts";
import { forwardBatch, type QueuedMessage, retrySeconds } from "./edge/forward-batch.ts";
import { receiveAtEdge } from "./edge/receive-at-edge.ts";
import { sendToRelay } from "./edge/send-to-relay.ts";
import { type EdgeSettings, readSettings } from "./edge/settings.ts";
import { tell, tellFaults } from "./edge/tell.ts";
import type { EdgeDelivery } from "./edge/wire.ts";
import { createVerifier } from "./fastio/signatures/verify-delivery.ts";
import type { Log, LogFields } from "./telemetry/log.ts";

/** JSON lines, as the platform's log keeps them. */
const write =
  (level: string) =>
  (event: string, fields: LogFields = {}) =>
    console.log(JSON.stringify({ level, event, ...fields }));
const log: Pick<Log, "info" | "warn" | "error"> = { info: write("info"), warn: write("warn"), error: write("error") };

const now = () => Date.now();
const newId = () => crypto.randomUUID();
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const senderOf = ({ relayUrl, edgeSecret: secret }: EdgeSettings) =>
  sendToRelay({ fetch: (url, init) => fetch(url, init), now, newId, relayUrl, secret });
const enqueueInto =
  ({ deliveries }: EdgeSettings) =>
  (delivery: EdgeDelivery) =>
    deliveries.send(delivery, { contentType: "json" });

async function answer(request: Request, env: unknown): Promise<Response> {
  const { pathname } = new URL(request.url);
  const reading = readSettings(env);
  switch (pathname) {
    case "/healthz":
      return reading.kind === "ready" ? Response.json({ status: "alive" }) : tellFaults(reading.faults);
    case "/webhooks/fastio": {
      if (request.method !== "POST") return tell(WRONG_METHOD_ANSWER);
      if (reading.kind === "faulty") {
        log.error("edge.not_configured", { faults: reading.faults });
        return tellFaults(reading.faults);
      }
      const { settings } = reading;
      const verify = createVerifier({ secrets: settings.webhookSecrets, scheme: settings.scheme });
      const receive = receiveAtEdge({
        now,
        newId,
        verify,
        enqueue: enqueueInto(settings),
        send: senderOf(settings),
        log,
      });
      return receive(request);
    }
    default:
      return tell({ status: 404, error: "no such route" });
  }
}

async function forward({ messages }: { readonly messages: readonly QueuedMessage[] }, env: unknown): Promise<void> {
  const reading = readSettings(env);
  if (reading.kind === "faulty") {
    log.error("edge.not_configured", { faults: reading.faults, waiting: messages.length });
    for (const message of messages) message.retry({ delaySeconds: retrySeconds(message.attempts) });
    return;
  }
  const { settings } = reading;
  await forwardBatch({
    now,
    sleep,
    send: senderOf(settings),
    bury: (message) => settings.deadLetters.send(message, { contentType: "json" }),
    enqueue: enqueueInto(settings),
    log,
  })(messages);
}

/** Cloudflare Workers look for the default export of the entry. */
export default { fetch: answer, queue: forward };
