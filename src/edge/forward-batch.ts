import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import type { SendToRelay } from "./send-to-relay.ts";
import { type EdgeDelivery, type EdgeOutcome, isRecord, MAX_BATCH_DELIVERIES, readEdgeDelivery } from "./wire.ts";

/** What we use of a message that a Cloudflare Queue hands to its consumer. */
export type QueuedMessage = {
  readonly body: unknown;
  /** How often it was handed out; 1 the first time. */
  readonly attempts: number;
  ack(): void;
  retry(options?: { readonly delaySeconds?: number }): void;
};

export type ForwardDeps = {
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly send: SendToRelay;
  /** Puts into the queue of dead letters what the relay will never take. */
  readonly bury: (message: unknown) => Promise<unknown>;
  /** Puts a delivery into the queue anew, as if it had never been tried. */
  readonly enqueue: (delivery: EdgeDelivery) => Promise<unknown>;
  readonly log: Pick<Log, "info" | "warn" | "error">;
};

/**
 * How long one batch waits for a relay that is away. A consumer may run for 15 minutes
 * (developers.cloudflare.com/queues/platform/limits), of which waiting costs nothing, and 50 calls out
 * (developers.cloudflare.com/workers/platform/limits, free plan), of which these waits take some 30.
 */
export const HOLD_MS = 720_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** The queue gives up after 100 attempts; before that, the delivery is put into it anew. */
const MAX_ATTEMPTS = 90;
/** Below what proxies in front of a relay let through by default: nginx takes 1 MiB. Who takes less is sent less. */
const MAX_PART_BYTES = 900_000;
const FIRST_RETRY_SECONDS = 30;
export const LONGEST_RETRY_SECONDS = 3_600;
/** Refusals that no setting can mend. */
const FINAL: readonly string[] = ["shape", "content_type", "too_large"];

type Waiting = { readonly message: QueuedMessage; readonly delivery: EdgeDelivery };

/**
 * Hands a batch of the queue to the relay in order of arrival, and tells the queue of each message what became of it.
 *
 * While the relay is away the batch waits here. The queue has one consumer at a time (`max_concurrency` in
 * `wrangler.toml`), so all later ones wait behind it, untouched and in order, and the backlog drains within half a
 * minute of the relay's return. Retrying each message for itself would burn its attempts and lose the order.
 */
export const forwardBatch =
  (deps: ForwardDeps) =>
  async (messages: readonly QueuedMessage[]): Promise<void> => {
    const { now, sleep, send, log } = deps;
    const endsAtMs = now() + HOLD_MS;
    let waiting = await readBatch(deps, messages);
    let waitMs = FIRST_WAIT_MS;
    let partBytes = MAX_PART_BYTES;
    while (waiting.length > 0) {
      const part = waiting.slice(0, partSize(waiting, partBytes));
      const answer = await send(part.map(({ delivery }) => delivery));
      if (answer.kind === "answered") {
        for (const [index, one] of part.entries()) await settle(deps, one, answer.outcomes[index]);
        log.info("batch.forwarded", { deliveries: part.length, outcomes: countOf(answer.outcomes) });
        waiting = waiting.slice(part.length);
        waitMs = FIRST_WAIT_MS;
        continue;
      }
      if (answer.kind === "too_large") {
        const [first, ...others] = part;
        if (first && others.length === 0) {
          await settle(deps, first, { status: "refused", reason: "status 413" });
          waiting = waiting.slice(1);
        } else {
          log.warn("batch.too_large", { deliveries: part.length });
          partBytes = bytesOf(part) / 2;
        }
        continue;
      }
      log.warn("relay.away", { detail: answer.detail, waiting: waiting.length, nextTryMs: waitMs });
      if (now() + waitMs >= endsAtMs) {
        for (const one of waiting) await giveBack(deps, one);
        return;
      }
      await sleep(waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  };

/** Sorted by arrival; what is no delivery is buried. */
async function readBatch(deps: ForwardDeps, messages: readonly QueuedMessage[]): Promise<readonly Waiting[]> {
  const waiting: Waiting[] = [];
  for (const message of messages) {
    const delivery = readEdgeDelivery(message.body);
    if (delivery) waiting.push({ message, delivery });
    else await giveUp(deps, message, "shape");
  }
  return waiting.sort((a, b) => a.delivery.receivedAtMs - b.delivery.receivedAtMs);
}

const bytesOf = (part: readonly Waiting[]): number =>
  part.reduce((bytes, { delivery }) => bytes + JSON.stringify(delivery).length, 0);

/** How many of them fit into one request; at least one. */
function partSize(waiting: readonly Waiting[], partBytes: number): number {
  let bytes = 0;
  const end = waiting.findIndex((one, index) => {
    bytes += bytesOf([one]);
    return index > 0 && (index >= MAX_BATCH_DELIVERIES || bytes > partBytes);
  });
  return end === -1 ? waiting.length : end;
}

async function settle(deps: ForwardDeps, { message, delivery }: Waiting, outcome: EdgeOutcome | undefined) {
  switch (outcome?.status) {
    case "accepted":
    case "duplicate":
    case "ignored":
      return message.ack();
    case "refused":
      if (FINAL.includes(outcome.reason)) return giveUp(deps, message, outcome.reason);
      // The edge found it good: one of the two does not know a secret yet, or who stands between them takes less.
      deps.log.error("delivery.refused_by_relay", { deliveryId: delivery.id, reason: outcome.reason });
      return message.retry({ delaySeconds: retrySeconds(message.attempts) });
    case "unavailable":
    case undefined:
      return message.retry({ delaySeconds: retrySeconds(message.attempts) });
    default:
      return outcome satisfies never;
  }
}

/** Doubles from half a minute to an hour: a hundred attempts are four days. */
export const retrySeconds = (attempts: number): number =>
  Math.min(FIRST_RETRY_SECONDS * 2 ** Math.min(attempts - 1, 10), LONGEST_RETRY_SECONDS);

/** Once buried, twice refused: then it stays where it is, for somebody to look at. */
async function giveUp({ bury, log }: ForwardDeps, message: QueuedMessage, reason: string): Promise<void> {
  if (isRecord(message.body) && "refused" in message.body) {
    return message.retry({ delaySeconds: LONGEST_RETRY_SECONDS });
  }
  try {
    await bury(isRecord(message.body) ? { ...message.body, refused: reason } : { body: message.body, refused: reason });
    log.error("delivery.dead_lettered", { deliveryId: readEdgeDelivery(message.body)?.id, reason });
    message.ack();
  } catch (error) {
    log.error("delivery.not_dead_lettered", { reason, message: messageOf(error) });
    message.retry({ delaySeconds: retrySeconds(message.attempts) });
  }
}

async function giveBack({ enqueue, log }: ForwardDeps, { message, delivery }: Waiting): Promise<void> {
  if (message.attempts < MAX_ATTEMPTS) return message.retry();
  try {
    // Should we die between these two, it is there twice, and the relay takes it once.
    await enqueue(delivery);
    message.ack();
  } catch (error) {
    log.error("delivery.not_queued", { deliveryId: delivery.id, message: messageOf(error) });
    message.retry();
  }
}

function countOf(outcomes: readonly EdgeOutcome[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
