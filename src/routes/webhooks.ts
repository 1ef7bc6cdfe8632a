import type { Context, Hono } from "hono";
import type { EdgeBatchOutcome } from "../../handlers/receive-edge-batch.ts";
import type { ReceivedDelivery, ReceiveOutcome } from "../../handlers/take-delivery.ts";
import {
  type DeliveryAnswer,
  MAX_DELIVERY_BYTES,
  REFUSAL_ANSWERS,
  UNAVAILABLE_ANSWER,
  unavailableAnswer,
  WRONG_METHOD_ANSWER,
} from "../delivery-answers.ts";
import { type EdgeBatchAnswer, MAX_BATCH_BYTES } from "../edge/wire.ts";
import type { Pressure } from "../pressure/watch-pressure.ts";
import type { DeliveryRoute, Metrics } from "../telemetry/metrics.ts";
import type { Trace } from "../telemetry/trace.ts";
import { HSTS } from "./browser-headers.ts";
import { createInFlight, type InFlight } from "./in-flight.ts";
import { readHeader, readIncoming } from "./read-incoming.ts";

export type WebhookDeps = {
  readonly metrics: Pick<Metrics, "deliveryJudged" | "acknowledged">;
  readonly trace: Trace;
  readonly pressure: Pick<Pressure, "retryAfterSeconds">;
  readonly receive: (delivery: ReceivedDelivery) => Promise<ReceiveOutcome>;
  readonly receiveEdge: (batch: ReceivedDelivery) => Promise<EdgeBatchOutcome>;
};

/** Deliveries that are answered at a time, and what has come of bodies; whoever comes beyond that is sent away at once. */
const MOST_AT_ONCE = { requests: 4_096, bytes: 134_217_728 };
const BUSY_SECONDS = 1;

/** What comes in from Fast.io, straight or by the edge worker. */
export function mountWebhooks(
  app: Hono,
  {
    receive,
    receiveEdge,
    metrics,
    trace,
    pressure,
    inFlight = createInFlight(MOST_AT_ONCE),
  }: WebhookDeps & { readonly inFlight?: InFlight },
): void {
  /** Timed, counted, and the beginning of a trace; one that a stranger names is told of, not joined. */
  const take = <Outcome>(
    route: DeliveryRoute,
    limitBytes: number,
    handle: (incoming: ReceivedDelivery) => Promise<Outcome>,
    verdictsOf: (outcome: Outcome) => readonly string[],
    answer: (outcome: Outcome) => Response,
  ) =>
    // One handler a path: with two that match, Hono makes a chain of promises for each delivery.
    app.all(`/webhooks/${route}`, (context) => {
      if (context.req.method !== "POST") return tell(WRONG_METHOD_ANSWER);
      const sendAway = (waitSeconds: number): Response => {
        metrics.deliveryJudged(route, "unavailable");
        return tell(unavailableAnswer(waitSeconds));
      };
      const waitSeconds = pressure.retryAfterSeconds() ?? (inFlight.isFull() ? BUSY_SECONDS : undefined);
      if (waitSeconds !== undefined) return sendAway(waitSeconds);
      const startedMs = performance.now();
      const links = [readHeader(context)("traceparent")];
      const attributes = { "http.request.method": "POST", "http.route": `/webhooks/${route}` };
      return trace.span({ name: "delivery.receive", kind: "server", parent: null, links, attributes }, async (span) => {
        const outcome = await takeUp(inFlight, context, limitBytes, handle);
        if (outcome === undefined) return sendAway(BUSY_SECONDS);
        const verdicts = verdictsOf(outcome);
        for (const verdict of verdicts) metrics.deliveryJudged(route, verdict);
        metrics.acknowledged(route, performance.now() - startedMs);
        const response = answer(outcome);
        span.set({ "relay.verdict": verdicts.join(), "http.response.status_code": response.status });
        return response;
      });
    });
  take("fastio", MAX_DELIVERY_BYTES, receive, ({ kind }) => [kind], answerDelivery);
  take("edge", MAX_BATCH_BYTES, receiveEdge, verdictsOfBatch, answerBatch);
}

/** @returns undefined when there is no room for it, or for all of its body */
async function takeUp<Outcome>(
  inFlight: InFlight,
  context: Context,
  limitBytes: number,
  handle: (incoming: ReceivedDelivery) => Promise<Outcome>,
): Promise<Outcome | undefined> {
  let kept = 0;
  const keep = (bytes: number): boolean => {
    if (!inFlight.keep(bytes)) return false;
    kept += bytes;
    return true;
  };
  try {
    const incoming = await readIncoming(context, limitBytes, keep);
    if (incoming === undefined || !inFlight.enter()) return undefined;
    try {
      return await handle(incoming);
    } finally {
      inFlight.leave();
    }
  } finally {
    inFlight.drop(kept);
  }
}

/** One for each delivery of a batch; a batch that is not taken counts as one delivery. */
const verdictsOfBatch = (outcome: EdgeBatchOutcome): readonly string[] =>
  outcome.kind === "taken"
    ? outcome.outcomes.map(({ status }) => status)
    : [outcome.kind === "unconfigured" ? "refused" : outcome.kind];

function answerDelivery(outcome: ReceiveOutcome): Response {
  switch (outcome.kind) {
    case "accepted":
    case "duplicate":
    case "ignored":
      return answerJson(202, { id: outcome.deliveryId, status: outcome.kind });
    case "unavailable":
      return tell(UNAVAILABLE_ANSWER);
    case "refused":
      return tell(REFUSAL_ANSWERS[outcome.reason]);
    default:
      return outcome satisfies never;
  }
}

function answerBatch(outcome: EdgeBatchOutcome): Response {
  switch (outcome.kind) {
    case "taken":
      return answerJson(200, { outcomes: outcome.outcomes } satisfies EdgeBatchAnswer);
    case "unavailable":
      return tell(UNAVAILABLE_ANSWER);
    case "unconfigured":
      return tell({ status: 503, error: "EDGE_SECRET is not set, so nothing is taken from the edge" });
    case "refused":
      return outcome.reason === "too_large"
        ? tell({ status: 413, error: `over ${MAX_BATCH_BYTES} bytes` })
        : tell(REFUSAL_ANSWERS[outcome.reason]);
    default:
      return outcome satisfies never;
  }
}

/** The rest of a body that is too large is not read, so nothing can follow it: senders must not send more on its connection. */
const LAST_ANSWER = { connection: "close" } as const;

const tell = ({ status, error, headers }: DeliveryAnswer): Response =>
  answerJson(status, { error }, { ...headers, ...(status === 413 ? LAST_ANSWER : {}) });

/** Machines read these answers; should a browser, it shall make nothing of them. */
const ANSWER_HEADERS = {
  "content-type": "application/json",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "strict-transport-security": HSTS,
  "x-content-type-options": "nosniff",
} as const;

/** Not by way of Hono's context, which makes a list of headers for each answer. */
const answerJson = (status: number, value: object, headers?: DeliveryAnswer["headers"]): Response =>
  new Response(JSON.stringify(value), {
    status,
    headers: headers === undefined ? ANSWER_HEADERS : { ...ANSWER_HEADERS, ...headers },
  });
