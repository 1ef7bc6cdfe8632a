import type { SentRunAction } from "../../../src/emulators/dify/run-faults.ts";
import type { FastioKnobs } from "../../../src/emulators/fastio/knobs.ts";
import type { DeliveryFaultWish } from "../../../src/emulators/fastio/webhooks/delivery-faults.ts";
import type { CommonAction } from "../../../src/emulators/kit/faults.ts";

type Match = { readonly method?: string; readonly path?: string; readonly probability?: number };

/** One way in which an upstream fails for a while. */
export type UpstreamIll = {
  readonly name: string;
  readonly at: "fastio" | "dify";
  /** Sent to `/__faults` for as long as it lasts. */
  readonly fault?: { readonly match?: Match; readonly action: CommonAction | DeliveryFaultWish | SentRunAction };
  /** How often it strikes at most. Default: as long as it lasts. */
  readonly times?: number;
  /** Sent to `/__knobs`, and turned back when it is over. Fast.io alone has knobs. */
  readonly knobs?: Partial<FastioKnobs>;
};

/** Requests that bring a run on, and are asked about no event: a refusal for good ends the run, and a person replays it. */
const OF_RUNS = "/addfile|create/share|/upload/|createfolder/";
/** Of these an upstream says that they pass. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];
/** Nothing works until somebody mends it: rules are paused, events wait. */
const MISCONFIGURED = [401, 402];
const REFUSED = [400, 403, 404, 406, 409, 413, 422];

const status = (code: number): CommonAction => ({
  kind: "status",
  status: code,
  body: "chaos",
  ...(code === 429 || code === 503 ? { headers: { "retry-after": "1" } } : {}),
});

/** What may go wrong with any request, at either of them. */
const COMMON: readonly { readonly name: string; readonly action: CommonAction; readonly probability: number }[] = [
  ...PASSING.map((code) => ({ name: `answers ${code}`, action: status(code), probability: 0.3 })),
  { name: "answers late", action: { kind: "latency", ms: 700 }, probability: 0.5 },
  { name: "drops the connection before the effect", action: { kind: "drop", when: "before" }, probability: 0.2 },
  { name: "drops the connection after the effect", action: { kind: "drop", when: "after" }, probability: 0.2 },
  { name: "cuts its answers at once", action: { kind: "truncate", bytes: 0 }, probability: 0.2 },
  { name: "cuts its answers after 40 bytes", action: { kind: "truncate", bytes: 40 }, probability: 0.2 },
];

const common = (at: UpstreamIll["at"]): readonly UpstreamIll[] =>
  COMMON.map(({ name, action, probability }) => ({ name, at, fault: { match: { probability }, action } }));

const REFUSALS: readonly UpstreamIll[] = [
  ...MISCONFIGURED.map((code) => ({
    name: `answers ${code}`,
    at: "fastio" as const,
    fault: { match: { probability: 0.2 }, action: status(code) },
    times: 2,
  })),
  ...REFUSED.map((code) => ({
    name: `refuses work on a run with ${code}`,
    at: "fastio" as const,
    fault: { match: { path: `/${OF_RUNS}/`, method: "POST", probability: 0.2 }, action: status(code) },
    times: 1,
  })),
  {
    name: "is answered for by a page of a gateway",
    at: "fastio",
    fault: {
      match: { path: `/${OF_RUNS}/`, method: "POST", probability: 0.2 },
      action: { kind: "status", status: 200, body: "<html>chaos</html>" },
    },
    times: 1,
  },
  ...[401, 403, 404, 413].map((code) => ({
    name: `answers ${code}`,
    at: "dify" as const,
    fault: { match: { method: "POST", path: "/v1/", probability: 0.3 }, action: status(code) },
    times: 1,
  })),
];

const knobs = (name: string, turned: Partial<FastioKnobs>): UpstreamIll => ({ name, at: "fastio", knobs: turned });

/** Other moods of Fast.io, all documented or seen. */
const MOODS: readonly UpstreamIll[] = [
  knobs("allows few requests", { rateLimit: 40, rateWindowMs: 2_000 }),
  knobs("has limits for some routes", { buckets: "published" }),
  knobs("is slow with everything", { latencyMs: 150 }),
  knobs("is slow with uploads", { uploadDelayMs: 60_000 }),
  knobs("takes single-call uploads and tells later", { singleCallAsync: true }),
  knobs("says yes and no", { envelope: "E3" }),
  knobs("wraps its answers", { envelope: "E2" }),
  knobs("tells errors by place", { errorNumbers: "site", errorCodes: "string" }),
  knobs("refuses bad input with 406, flat", { flatErrors: "406", validationStatus: 406 }),
  knobs("lists nodes under other keys", { listStyle: "items" }),
  knobs("is out of credits", { payment: "credits" }),
];

const webhook = (name: string, action: DeliveryFaultWish, probability = 0.5): UpstreamIll => ({
  name,
  at: "fastio",
  fault: { match: { probability }, action },
});

/** What becomes of webhooks on their way. */
const WEBHOOKS: readonly UpstreamIll[] = [
  webhook("tells things again", { kind: "webhook_duplicate", copies: 2 }),
  webhook("tells things again under other ids", { kind: "webhook_duplicate", copies: 2, newIds: true }),
  webhook("tells things out of order", { kind: "webhook_reorder", ms: 1_500 }),
  webhook("forgets to tell", { kind: "webhook_drop" }),
  webhook("tells late", { kind: "webhook_delay", ms: 6_000 }),
  webhook("signs wrongly once", { kind: "webhook_wrong_signature" }),
  webhook("signs wrongly for good", { kind: "webhook_wrong_signature", attempts: 0 }, 0.2),
  webhook("signs with an old time", { kind: "webhook_stale" }),
  webhook("signs with the secret before", { kind: "webhook_old_secret" }),
  webhook("signs with two secrets", { kind: "webhook_two_secrets" }),
  webhook("sends bodies slowly", { kind: "webhook_slow_body", ms: 800 }),
];

/** @param match beside `POST …/run`, which is meant without it */
const run = (
  name: string,
  action: SentRunAction,
  times?: number,
  match: Match = { probability: 0.5 },
): UpstreamIll => ({
  name,
  at: "dify",
  fault: { match, action },
  ...(times === undefined ? {} : { times }),
});

/** What may become of a workflow run and of what is told of it. */
const RUNS: readonly UpstreamIll[] = [
  run("swallows the first frame", { kind: "drop_first", frames: 1 }),
  run("swallows three frames", { kind: "drop_first", frames: 3 }),
  run("cuts streams at once", { kind: "cut_after", frames: 0 }),
  run("cuts streams inside a frame", { kind: "cut_after", frames: 1, at: "inside" }),
  run("cuts streams between newlines", { kind: "cut_after", frames: 2, at: "between newlines" }),
  run("keeps the last frame", { kind: "drop_terminal" }),
  run("is silent", { kind: "silence", ms: 1_000 }),
  run("is silent and never begins", { kind: "silence", ms: 500, run: "dead" }, 1),
  run("lets runs wait for a worker", { kind: "queue_delay", ms: 1_500 }),
  run("loses its worker after the start", { kind: "lost_after_start", ms: 1_000 }, 1),
  run("has an impatient gateway before it", { kind: "gateway", afterMs: 200 }),
  run("crashes before the run is handed on", { kind: "internal_error" }),
  run("crashes after the run is handed on", { kind: "internal_error", run: "goes on" }),
  run("ends runs with an error frame", { kind: "error_frame" }, 1),
  run("fails a node", { kind: "node_failure" }, 1),
  run("tries a node again", { kind: "node_retry", times: 2 }),
  run("fails a node, handled", { kind: "partial" }),
  run("asks a person", { kind: "pause" }, 1),
  run("reaches its time limit", { kind: "time_limit" }, 1),
  run("is overloaded, in one spelling", { kind: "overload", quotaStyle: 400 }),
  run("is overloaded, in the other", { kind: "overload", quotaStyle: 429 }),
  run("is out of quota", { kind: "quota_exhausted" }, 1),
  run("has lost its workflow", { kind: "unpublished" }, 1),
  run("lets no link through", { kind: "links_blocked" }, 2),
  run("writes in small pieces", { kind: "chunking", bytes: 3 }),
  run("sends frames together", { kind: "coalesce", frames: 3 }),
  run("sends large frames", { kind: "large_frame", bytes: 200_000 }),
  run("has logs that lag", { kind: "log_lag", ms: 1_000 }),
  run("ignores wishes to stop", { kind: "stop_ignored" }, undefined, { path: "/stop" }),
  run("tells nothing to who listens again", { kind: "events_race" }, 2, { path: "/events" }),
];

/** Every way in which the emulators can fail, but for those that tell a lie that nobody could find out. */
export const UPSTREAM_ILLS: readonly UpstreamIll[] = [
  ...common("fastio"),
  ...common("dify"),
  ...REFUSALS,
  ...MOODS,
  ...WEBHOOKS,
  ...RUNS,
];
