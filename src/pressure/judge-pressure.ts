import type { Backlog } from "../ledger/backlog.ts";
import { spanWords } from "../text/figures.ts";

/** Why deliveries are sent away for now. */
const REFUSAL_REASONS = ["ledger_lag", "outbox_size", "outbox_age", "disk_full"] as const;
/** What the relay does something about. A queue that is full refuses nobody: work waits in the ledger meanwhile. */
const PRESSURE_REASONS = [...REFUSAL_REASONS, "queue_memory"] as const;

export type PressureReason = (typeof PRESSURE_REASONS)[number];

/** What was measured last. undefined: it could not be read now, or there is none to be read. */
export type PressureSigns = {
  /** Events that were committed and their queue was not told of. */
  readonly outbox: Backlog | undefined;
  /** How long deliveries wait for their commit, in milliseconds. */
  readonly ledgerLagMs: number;
  /** Of a Redis that throws nothing away and has a limit. */
  readonly queueMemory: { readonly usedBytes: number; readonly maxBytes: number } | undefined;
  /** Room on the disk of an embedded ledger. */
  readonly freeBytes: number | undefined;
};

export type PressureLimits = {
  /** Events that may wait to be handed to the queue. */
  readonly outboxEvents: number;
  /** How long the oldest of them may wait when they are many, in milliseconds. */
  readonly outboxAgeMs: number;
  /** How long a commit may take, in milliseconds. */
  readonly ledgerLagMs: number;
  /** Per cent of Redis' memory that the outbox may fill; workers need the rest to move jobs. */
  readonly queueMemoryPercent: number;
  /** What must stay free on the disk of an embedded ledger, in bytes. */
  readonly freeBytes: number;
};

/** One thing that is too much. */
export type Strain = {
  readonly reason: PressureReason;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
  /** What was measured, in words. */
  readonly detail: string;
};

/** How a sign stands to its limit: 1 is at the limit. undefined: it is not known, and stays as it was. */
type Measure = { readonly ratio: number | undefined; readonly detail: string };

/** What is relieved at this part of its limit; the space between keeps the answer from changing back and forth. */
const RELIEVED_AT: Readonly<Record<PressureReason, number>> = {
  ledger_lag: 0.5,
  outbox_size: 0.8,
  outbox_age: 0.8,
  disk_full: 0.5,
  queue_memory: 0.9,
};
/** A single event that cannot be handed over may grow old; only many of them endanger anything. */
const MANY = 0.01;

/**
 * Which signs are past their limits, given which were before. Depends on its arguments alone.
 * @returns what is strained now, each with the time since when it is
 */
export function judgePressure(
  before: readonly Strain[],
  signs: PressureSigns,
  limits: PressureLimits,
  nowMs: number,
): readonly Strain[] {
  const measures = measure(signs, limits, nowMs);
  return PRESSURE_REASONS.flatMap((reason) => {
    const known = before.find((strain) => strain.reason === reason);
    const { ratio, detail } = measures[reason];
    if (ratio === undefined) return known ? [known] : [];
    const isStrained = ratio >= 1 || (known !== undefined && ratio > RELIEVED_AT[reason]);
    return isStrained ? [{ reason, sinceMs: known?.sinceMs ?? nowMs, detail }] : [];
  });
}

function measure(
  { outbox, ledgerLagMs, queueMemory, freeBytes }: PressureSigns,
  limits: PressureLimits,
  nowMs: number,
): Readonly<Record<PressureReason, Measure>> {
  const ageMs = outbox?.oldestMs == null ? 0 : Math.max(0, nowMs - outbox.oldestMs);
  const size = outbox && outbox.depth / limits.outboxEvents;
  const queue = queueMemory && (100 * queueMemory.usedBytes) / queueMemory.maxBytes;
  return {
    ledger_lag: {
      // Nobody who waits, and a ledger that does not answer, is no relief.
      ratio: outbox === undefined && ledgerLagMs < limits.ledgerLagMs ? undefined : ledgerLagMs / limits.ledgerLagMs,
      detail: `a commit takes ${Math.round(ledgerLagMs)} ms`,
    },
    outbox_size: { ratio: size, detail: `${outbox?.depth} events wait to be handed to the queue` },
    outbox_age: {
      ratio: size === undefined ? undefined : size < MANY ? 0 : ageMs / limits.outboxAgeMs,
      detail: `${outbox?.depth} events wait to be handed to the queue, the oldest for ${spanWords(ageMs)}`,
    },
    disk_full: {
      ratio: freeBytes === undefined ? undefined : limits.freeBytes / Math.max(1, freeBytes),
      detail: `${Math.round((freeBytes ?? 0) / 1_048_576)} MiB are free on the disk of the ledger`,
    },
    queue_memory: {
      // Without a limit, or a Redis that answers, nothing is known to be full; a queue that is away tells by itself.
      ratio: queue === undefined ? 0 : queue / limits.queueMemoryPercent,
      detail: `Redis has filled ${Math.round(queue ?? 0)} % of its memory`,
    },
  };
}

/** Seconds after which a sender may come again: at the least, and at the most. */
const RETRY_SECONDS: Readonly<Record<(typeof REFUSAL_REASONS)[number], readonly [least: number, most: number]>> = {
  ledger_lag: [5, 60],
  outbox_size: [60, 900],
  outbox_age: [60, 900],
  disk_full: [60, 900],
};

/**
 * When a sender is to come again; undefined: its deliveries are taken. What has lasted for a while will last as long
 * again, as far as anybody knows: so the wait grows with it.
 */
export function retryAfterSeconds(strains: readonly Strain[], nowMs: number): number | undefined {
  const waits = REFUSAL_REASONS.flatMap((reason) => {
    const strain = strains.find((one) => one.reason === reason);
    if (!strain) return [];
    const [least, most] = RETRY_SECONDS[reason];
    return [Math.min(most, Math.max(least, Math.ceil((nowMs - strain.sinceMs) / 1_000)))];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}
