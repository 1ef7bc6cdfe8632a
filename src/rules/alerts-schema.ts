import { z } from "zod";
import { anyNumber, duration, word } from "./fields.ts";

/** What may be wrong. The words of the ledger, of metrics and of `alerts.off`. */
export const ALERT_KINDS = [
  "quiet_source",
  "growing_outbox",
  "under_pressure",
  "queue_unworked",
  "failing_rule",
  "rule_paused",
  "budget_reached",
  "secret_unused",
  "signature_changed",
  "app_down",
] as const;

export type AlertKind = (typeof ALERT_KINDS)[number];

/** When something counts as wrong. Times are milliseconds. */
export type AlertThresholds = {
  readonly off: readonly AlertKind[];
  /** A workspace that can be neither read nor heard of for so long. */
  readonly quietSource: number;
  /** Webhooks that came and come no more for so long, where nothing else tells of files. */
  readonly quietWebhooks: number;
  /** Work that its queue was not told of for so long. */
  readonly outboxAge: number;
  /** A queue that no process has worked on for so long. */
  readonly queueUnworked: number;
  /** Per cent of a rule's runs that failed, of so many at least, within so long. */
  readonly failingShare: number;
  readonly failingRuns: number;
  readonly failingWithin: number;
  /** An older secret that signed nothing for so long while a newer one does. */
  readonly secretUnused: number;
  /** How long a changed signature is told of. */
  readonly signatureChanged: number;
  /** Tries in a row at one run that a Dify app did not answer. */
  readonly appDownTries: number;
  /** How long all must be well before an alert is over; what comes back within it is the same alert. */
  readonly hold: number;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const DEFAULT_ALERTS: AlertThresholds = {
  off: [],
  quietSource: 2 * HOUR_MS,
  quietWebhooks: DAY_MS,
  outboxAge: MINUTE_MS,
  queueUnworked: MINUTE_MS,
  failingShare: 50,
  failingRuns: 5,
  failingWithin: HOUR_MS,
  secretUnused: 7 * DAY_MS,
  signatureChanged: DAY_MS,
  appDownTries: 5,
  hold: 10 * MINUTE_MS,
};

const span = (name: keyof typeof DEFAULT_ALERTS & string, minMs: number, range: string) =>
  duration(minMs, 30 * DAY_MS, range).default(DEFAULT_ALERTS[name] as number); // none of these is `off`

const whole = (least: number, most: number) => {
  const words = `must be a whole number from ${least} to ${most}`;
  return z.number().int(words).min(least, words).max(most, words);
};

/** What stands under `alerts:`. */
export const AlertsSchema = z.strictObject({
  off: anyNumber(word(ALERT_KINDS)).default([]),
  quietSource: span("quietSource", MINUTE_MS, "between 1m and 30d"),
  quietWebhooks: span("quietWebhooks", MINUTE_MS, "between 1m and 30d"),
  outboxAge: span("outboxAge", 1_000, "between 1s and 30d"),
  queueUnworked: span("queueUnworked", 1_000, "between 1s and 30d"),
  failingShare: whole(1, 100).default(DEFAULT_ALERTS.failingShare),
  failingRuns: whole(1, 10_000).default(DEFAULT_ALERTS.failingRuns),
  failingWithin: span("failingWithin", 5 * MINUTE_MS, "between 5m and 30d"),
  secretUnused: span("secretUnused", HOUR_MS, "between 1h and 30d"),
  signatureChanged: span("signatureChanged", MINUTE_MS, "between 1m and 30d"),
  appDownTries: whole(1, 24).default(DEFAULT_ALERTS.appDownTries),
  hold: span("hold", 0, "between 0s and 30d"),
}) satisfies z.ZodType<AlertThresholds>;
