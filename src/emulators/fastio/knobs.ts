/** Everything about the emulated server that a test or a person may turn. */
export type FastioKnobs = {
  /** Which path sets are served; the other one answers 404/9992. */
  readonly dialects: "both" | "reference" | "guide";
  /** E1 boolean and flat, E2 boolean with `response`, E3 yes/no with `response`. */
  readonly envelope: "E1" | "E2" | "E3";
  /** HTTP status of bad input: 400 on older servers, 406 on newer ones. */
  readonly validationStatus: 400 | 406;
  /** `nodes: { count, items }` or a bare array under `nodes`. */
  readonly listStyle: "counted" | "array";
  /** `error.code` as a number or as text. */
  readonly errorCodes: "number" | "string";
  /** Requests a caller may make per window; above it, 429. */
  readonly rateLimit: number;
  /** Length of that window, real milliseconds. */
  readonly rateWindowMs: number;
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
  /** Upload sessions one user may have under way. */
  readonly sessionsPerUser: number;
  /** Which event a new version of a file raises. */
  readonly overwriteEvent: "file_updated" | "file_added";
  /** A single-call upload answers without `new_file_id`, so that the caller has to poll. */
  readonly singleCallAsync: boolean;
  /** Seconds a session token of the key exchange lives. */
  readonly sessionSeconds: number;
  /** Deliveries under way at once. */
  readonly parallelDeliveries: number;
};

export const DEFAULT_KNOBS: FastioKnobs = {
  dialects: "both",
  envelope: "E1",
  validationStatus: 400,
  listStyle: "counted",
  errorCodes: "number",
  rateLimit: 1_000_000,
  rateWindowMs: 60_000,
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
  sessionSeconds: 3600,
  parallelDeliveries: 16,
};
