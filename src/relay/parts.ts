import type { LookupFunction } from "node:net";
import type { QueueBackend } from "../../queues/backend.ts";
import type { Outbox, Queues } from "../../queues/outbox.ts";
import type { OwnOutputs } from "../../queues/own-outputs.ts";
import type { Lookout } from "../../queues/upkeep/lookout.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Accept } from "../ledger/accept.ts";
import type { Ledger } from "../ledger/open-ledger.ts";
import type { Listened } from "../ledger/settle-unlistened.ts";
import type { Pressure } from "../pressure/watch-pressure.ts";
import type { QueueName } from "../queue-names.ts";
import type { LiveRules } from "../rules/live-rules.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Trace } from "../telemetry/trace.ts";
import type { Upstreams } from "../upstreams.ts";

/** What a relay is opened with. */
export type RelayDeps = {
  readonly config: Config;
  readonly rules: LiveRules;
  /** How names become addresses. Default: as the system does it. */
  readonly lookup?: LookupFunction | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
  /** Whether the metrics tell of the process, too, which nothing stops before it ends. Default: they do not. */
  readonly watchProcess?: boolean;
  /** Keeps the queues of one Redis apart; BullMQ's own name for it. */
  readonly queuePrefix?: string;
};

/** Which parts run in this process. */
export type RelayParts = { readonly receive: boolean; readonly work: readonly QueueName[] };

/** What is opened while deliveries are taken already. */
export type Soon<T> = {
  /** undefined: it is not there yet. */
  readonly now: () => T | undefined;
  /** Rejects when it cannot be opened; then the relay ends. */
  readonly opened: () => Promise<T>;
};

/** What takes in, and watches whether it can. */
export type Intake = {
  readonly ledger: Ledger;
  readonly trace: Trace;
  readonly metrics: Metrics;
  readonly accept: Accept;
  readonly pressure: Pressure;
  readonly commitsFail: () => boolean;
  readonly lookout: Lookout;
  readonly ownOutputs: OwnOutputs;
  readonly listened: () => Listened;
  stop(): void;
};

/** What leads to the queue and the upstreams. */
export type Ways = {
  readonly backend: QueueBackend;
  readonly queues: Queues;
  readonly upstreams: Upstreams;
  readonly outbox: Outbox;
};

/** The ways, and what works in this process. */
export type OpenedWork = Ways & {
  /** Each lets what runs end or park until a deadline. */
  readonly ends: readonly (() => Promise<void>)[];
  /** Closes the rest; called when all of these have ended. */
  close(): Promise<void>;
};
