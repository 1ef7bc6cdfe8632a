import { eventKey } from "../events/event-keys.ts";
import { readDelivery } from "../events/read-delivery.ts";

/** What the relay will remember the first event of a body by; undefined for a ping. */
export function keyOfSample(body: Uint8Array): string | undefined {
  // Samples have ids and times of their own, so that it does not matter when they come.
  const reading = readDelivery(body, { receivedAtMs: 0, source: "webhook" });
  const [event] = reading.kind === "events" ? reading.events : [];
  return event && eventKey(event);
}
