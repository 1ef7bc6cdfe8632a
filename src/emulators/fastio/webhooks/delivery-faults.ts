import { z } from "zod";

/** What `POST /__faults` can do to webhook deliveries; one fault concerns one delivery each time it fires. */
export const deliveryFaultSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("webhook_duplicate"),
    /** Extra copies. */
    copies: z.int().min(1).max(100).default(1),
    /** Gives each copy a delivery id of its own; the event id stays. */
    newIds: z.boolean().default(false),
  }),
  /** Holds the delivery back until a later one to the same webhook was sent, `ms` at most. */
  z.strictObject({ kind: z.literal("webhook_reorder"), ms: z.number().min(0).default(1000) }),
  z.strictObject({ kind: z.literal("webhook_drop") }),
  z.strictObject({
    kind: z.literal("webhook_wrong_signature"),
    /** How many attempts are signed wrongly, 0 for all of them. */
    attempts: z.int().min(0).default(1),
  }),
  z.strictObject({
    kind: z.literal("webhook_stale"),
    /** Seconds the signed time lies back. */
    seconds: z.int().default(3600),
    attempts: z.int().min(0).default(1),
  }),
  /** Signs with the secret before the last rotation, as a sender that has not heard of it yet. */
  z.strictObject({ kind: z.literal("webhook_old_secret"), attempts: z.int().min(0).default(1) }),
  /** Signs with both secrets, as a sender in the middle of a rotation. */
  z.strictObject({ kind: z.literal("webhook_two_secrets"), attempts: z.int().min(0).default(0) }),
  /** Sends the body in pieces over this time, real milliseconds. */
  z.strictObject({ kind: z.literal("webhook_slow_body"), ms: z.number().min(0) }),
  z.strictObject({ kind: z.literal("webhook_delay"), ms: z.number().min(0) }),
]);

export type DeliveryFault = z.infer<typeof deliveryFaultSchema>;
/** The same as a test writes it: what has a default may be left out. */
export type DeliveryFaultWish = z.input<typeof deliveryFaultSchema>;

export const DELIVERY_FAULT_KINDS: readonly DeliveryFault["kind"][] = [
  "webhook_duplicate",
  "webhook_reorder",
  "webhook_drop",
  "webhook_wrong_signature",
  "webhook_stale",
  "webhook_old_secret",
  "webhook_two_secrets",
  "webhook_slow_body",
  "webhook_delay",
];
