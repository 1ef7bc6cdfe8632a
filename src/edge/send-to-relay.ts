import { signDelivery } from "../fastio/signatures/sign-delivery.ts";
import { messageOf } from "../message-of.ts";
import { readLimitedBody } from "../read-body.ts";
import { EDGE_PATH, type EdgeBatch, type EdgeDelivery, type EdgeOutcome, readBatchAnswer } from "./wire.ts";

export type RelayAnswer =
  /** One outcome for each delivery, in their order. */
  | { readonly kind: "answered"; readonly outcomes: readonly EdgeOutcome[] }
  /** The relay, or rather a server in front of it, takes no batch of this size. */
  | { readonly kind: "too_large" }
  /** Nothing is known of any of them: the relay is down, or it does not take what we send as a whole. */
  | { readonly kind: "away"; readonly detail: string };

export type SendToRelay = (deliveries: readonly EdgeDelivery[]) => Promise<RelayAnswer>;

export type SendDeps = {
  readonly fetch: typeof fetch;
  readonly now: () => number;
  readonly newId: () => string;
  readonly relayUrl: string;
  readonly secret: string;
};

/** The relay waits 10 s for its ledger. */
const TIMEOUT_MS = 20_000;
const MAX_ANSWER_BYTES = 65_536;

/** Signs a batch afresh and sends it; does not throw. A redirect is not followed: the batch is meant for one relay. */
export const sendToRelay = ({ fetch, now, newId, relayUrl, secret }: SendDeps): SendToRelay => {
  const url = new URL(EDGE_PATH, relayUrl.endsWith("/") ? relayUrl : `${relayUrl}/`);
  return async (deliveries) => {
    const body = new TextEncoder().encode(JSON.stringify({ deliveries } satisfies EdgeBatch));
    const signed = signDelivery({
      scheme: "standard-webhooks",
      secrets: [secret],
      body,
      nowMs: now(),
      id: `batch-${newId()}`,
    });
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...signed },
        body,
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (answer.status !== 200) {
        await answer.body?.cancel();
        if (answer.status === 413) return { kind: "too_large" };
        return { kind: "away", detail: `status ${answer.status}` };
      }
      const told = await readLimitedBody(answer.body, MAX_ANSWER_BYTES);
      const outcomes = told.kind === "bytes" ? readOutcomes(told.bytes, deliveries.length) : undefined;
      return outcomes ? { kind: "answered", outcomes } : { kind: "away", detail: "the answer is none of a relay" };
    } catch (error) {
      return { kind: "away", detail: messageOf(error) };
    }
  };
};

const readOutcomes = (bytes: Uint8Array, deliveries: number): readonly EdgeOutcome[] | undefined => {
  try {
    return readBatchAnswer(JSON.parse(new TextDecoder().decode(bytes)), deliveries)?.outcomes;
  } catch {
    return undefined;
  }
};
