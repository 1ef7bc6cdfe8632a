import type { FastioEvent } from "../fastio/events/event.ts";
import type { KeptHeader } from "./schema.ts";

/** What the receiver knows of one delivery, before the ledger judges whether its events are new. */
export type DeliveryFacts = {
  readonly id: string;
  readonly receivedAtMs: number;
  readonly route: string;
  readonly bodyHash?: string;
  readonly bodyBytes: number;
  readonly scheme?: string;
  readonly secretPrint?: string;
  readonly keyForm?: string;
  readonly senderDeliveryId?: string;
  readonly headers?: readonly KeptHeader[];
};

export type KeyedEvent = { readonly key: string; readonly event: FastioEvent };

/** One thing to write: a delivery with its events, or a refusal. */
export type Intake =
  | {
      readonly kind: "delivery";
      readonly facts: DeliveryFacts;
      readonly events: readonly KeyedEvent[];
      /** The trace it came in with. */
      readonly traceparent?: string | undefined;
    }
  | { readonly kind: "pulled"; readonly events: readonly KeyedEvent[] }
  | {
      readonly kind: "refusal";
      readonly facts: DeliveryFacts;
      readonly reason: string;
      /** Whether to keep the delivery itself; the count is kept in any case. */
      readonly keep: boolean;
    };

/** What the queue wants to know of an event, beside what the ledger tells. */
export type NewEvent = {
  readonly key: string;
  readonly type: string;
  readonly workspaceId: string | null;
  readonly actorUserId: string | null;
  readonly objectId: string | null;
};

/** Why an event that nobody has to look at is passed over. */
export type PassedOver = {
  /** In a word. */
  readonly drop: string;
  readonly reason: string;
  /** Where it is known. */
  readonly fileName?: string;
};

/** @returns undefined: somebody has to look at it */
export type PassOver = (event: Pick<NewEvent, "type" | "objectId">) => PassedOver | undefined;
