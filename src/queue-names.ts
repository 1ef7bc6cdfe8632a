/** The queues, each of which any number of processes may work on. */
export const QUEUE_NAMES = ["events", "runs", "shares", "upkeep"] as const;

export type QueueName = (typeof QUEUE_NAMES)[number];
