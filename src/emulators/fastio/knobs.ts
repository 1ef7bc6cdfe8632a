import type { Scheme, Shape } from "./store/hooks.ts";

/** Everything about the emulated server that a test or a person may turn. */
export type FastioKnobs = {
  /** Which path sets are served; the other one answers 404/9992. */
  readonly dialects: "both" | "reference" | "guide";
  /** Routes with one of these in their path (parameters as `:name`) are unknown to this server. */
  readonly hiddenRoutes: readonly string[];
  /** E1 boolean and flat, E2 boolean with `response`, E3 yes/no with `response`, E4 like E1 with a `status`. */
  readonly envelope: "E1" | "E2" | "E3" | "E4";
  /** Documented classes (1605), or the numbers of single places as the wire has them. */
  readonly errorNumbers: "class" | "site";
  /** Refusals with status 406 come as `error_message` and `error_id`, without an `error` object. */
  readonly flatErrors: "off" | "406";
  /** HTTP status of bad input: 400 on older servers, 406 on newer ones. */
  readonly validationStatus: 400 | 406;
  /** HTTP status for who is in no such place: the official command line knows it as 401, other texts as 403. */
  readonly deniedStatus: 401 | 403;
  /** `nodes: { count, items }`, a bare array under `nodes`, `files`, `items` or `results`, or a map under `files`. */
  readonly listStyle: "counted" | "array" | "files" | "items" | "results" | "map";
  /** `error.code` as a number or as text. */
  readonly errorCodes: "number" | "string";
  /** Requests a caller may make per window; above it, 429. */
  readonly rateLimit: number;
  /** Length of that window, real milliseconds. */
  readonly rateWindowMs: number;
  /** Which names the limit is told under. */
  readonly rateHeaders: "both" | "modern" | "legacy";
  /** How the end of the window is told, if at all. */
  readonly rateReset: "epoch" | "datetime" | "absent";
  /** Events left out of search and feed after paging, as those nobody may read; pages come short then. */
  readonly hiddenEvents: readonly string[];
  /** Limits of single families of routes (event search, batch upload) beside the common one. */
  readonly buckets: "off" | "published";
  /** Added to each answer, real milliseconds. */
  readonly latencyMs: number;
  /** Between two states of an upload session, scaled milliseconds. */
  readonly uploadDelayMs: number;
  /** Largest chunk, bytes. */
  readonly chunkMaxBytes: number;
  /** Smallest chunk except the last one, bytes. */
  readonly chunkMinBytes: number;
  readonly chunksPerSession: number;
  /** Largest file, bytes. */
  readonly maxFileBytes: number;
  /** Largest file of a single call, bytes, bound included. */
  readonly singleCallMaxBytes: number;
  /** Upload sessions one user may have: under way, or assembled and not deleted yet. */
  readonly sessionsPerUser: number;
  /** Which event a new version of a file raises. */
  readonly overwriteEvent: "file_updated" | "file_added";
  /** A single-call upload answers without `new_file_id`, so that the caller has to poll. */
  readonly singleCallAsync: boolean;
  /** From upload to the end of indexing, scaled milliseconds; 0 is at once and raises no activity. */
  readonly indexDelayMs: number;
  /** Indexing fails for files with this in their name; empty for none. */
  readonly indexFailsFor: string;
  /** Whether files are scanned for viruses; `off` says so of each, as the live service does. */
  readonly virusScan: "off" | "on";
  /** From upload to the end of the scan, scaled milliseconds. */
  readonly scanDelayMs: number;
  /** The scan finds a virus in files with this in their name; empty for none. */
  readonly infectedFor: string;
  /** Indexing leaves an event `node_ai_summary_created`. */
  readonly aiSummaryEvents: boolean;
  /** Between two states of an AI answer, scaled milliseconds. */
  readonly aiDelayMs: number;
  /** How the reference tells a failed answer: as the command line knows it, or as the newest guide does. */
  readonly aiFailedState: "errored" | "failed";
  /** Field names inside citations; `none` leaves citations out of answers. */
  readonly aiCitations: "camel" | "snake" | "none";
  /** Turns of one conversation; the next one is refused with 409. */
  readonly aiTurnsMax: number;
  /**
   * What has to be paid before the server goes on: `credits` refuses what costs credits (402/1696),
   * `plan` the same for want of a larger plan (402/1695), `subscription` every change (402/1688).
   */
  readonly payment: "none" | "credits" | "plan" | "subscription";
  /** Seconds a session token of the key exchange lives. */
  readonly sessionSeconds: number;
  /** How webhooks are signed that say nothing about it. */
  readonly webhookScheme: Scheme;
  /** What their deliveries look like. */
  readonly webhookShape: Shape;
  /** Deliveries under way at once. */
  readonly parallelDeliveries: number;
  /** How long a webhook's receiver may take, real milliseconds; later answers count as none. */
  readonly deliveryTimeoutMs: number;
};

export const DEFAULT_KNOBS: FastioKnobs = {
  dialects: "both",
  hiddenRoutes: [],
  envelope: "E1",
  errorNumbers: "class",
  flatErrors: "off",
  validationStatus: 400,
  deniedStatus: 401,
  listStyle: "counted",
  errorCodes: "number",
  rateLimit: 1_000_000,
  rateWindowMs: 60_000,
  rateHeaders: "both",
  rateReset: "epoch",
  hiddenEvents: [],
  buckets: "off",
  latencyMs: 0,
  uploadDelayMs: 20,
  chunkMaxBytes: 104_857_600,
  chunkMinBytes: 1_048_576,
  chunksPerSession: 35,
  maxFileBytes: 1_073_741_824,
  singleCallMaxBytes: 4_194_304,
  sessionsPerUser: 150,
  overwriteEvent: "file_updated",
  singleCallAsync: false,
  indexDelayMs: 0,
  indexFailsFor: "",
  virusScan: "off",
  scanDelayMs: 0,
  infectedFor: "",
  aiSummaryEvents: false,
  aiDelayMs: 20,
  aiFailedState: "errored",
  aiCitations: "camel",
  aiTurnsMax: 100,
  payment: "none",
  sessionSeconds: 3600,
  webhookScheme: "D1",
  webhookShape: "P2",
  parallelDeliveries: 16,
  deliveryTimeoutMs: 30_000,
};
