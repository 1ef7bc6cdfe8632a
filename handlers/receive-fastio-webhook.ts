import type { Clock } from "../src/clock.ts";
import type { ReceivedDelivery, ReceiveOutcome, TakeDelivery } from "./take-delivery.ts";

export type ReceiveDeps = {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly take: TakeDelivery;
};

/** One POST of Fast.io. */
export const receiveFastioWebhook =
  ({ clock, newId, take }: ReceiveDeps) =>
  (delivery: ReceivedDelivery): Promise<ReceiveOutcome> =>
    take(delivery, { id: newId(), route: "fastio", receivedAtMs: clock.now() });
