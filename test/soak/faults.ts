import type { Fault } from "./emulators-process.ts";

const RUN = { method: "POST", path: "/workflows/run" } as const;
const always = (probability: number, action: Fault["action"], match: NonNullable<Fault["match"]> = {}): Fault => ({
  match: { ...match, probability },
  times: 0,
  action,
});

/** What goes wrong at Fast.io all the time: a part of all requests, and of all deliveries of its webhook. */
export const FASTIO_FAULTS: readonly Fault[] = [
  always(0.004, { kind: "status", status: 429, headers: { "retry-after": "1" } }),
  always(0.004, { kind: "status", status: 503 }),
  always(0.002, { kind: "status", status: 500 }),
  always(0.003, { kind: "latency", ms: 1_500 }),
  always(0.002, { kind: "drop", when: "before" }),
  always(0.002, { kind: "drop", when: "after" }),
  always(0.001, { kind: "truncate", bytes: 40 }),
  always(0.08, { kind: "webhook_duplicate" }),
  always(0.04, { kind: "webhook_duplicate", newIds: true }),
  always(0.02, { kind: "webhook_reorder" }),
  always(0.01, { kind: "webhook_drop" }),
  always(0.01, { kind: "webhook_delay", ms: 3_000 }),
  always(0.02, { kind: "webhook_wrong_signature" }),
  always(0.01, { kind: "webhook_stale" }),
  always(0.01, { kind: "webhook_slow_body", ms: 1_000 }),
];

/** And at Dify. Failing nodes fail their runs, which are then replayed. */
export const DIFY_FAULTS: readonly Fault[] = [
  always(0.004, { kind: "status", status: 503 }),
  always(0.01, { kind: "latency", ms: 1_500 }),
  always(0.002, { kind: "drop", when: "before" }),
  // Each halves what the app is given, which grows by one in a quiet minute.
  always(0.001, { kind: "overload", quotaStyle: 429 }, RUN),
  always(0.01, { kind: "cut_after", frames: 2 }, RUN),
  always(0.01, { kind: "cut_after", frames: 1, at: "inside" }, RUN),
  always(0.01, { kind: "drop_first", frames: 1 }, RUN),
  always(0.01, { kind: "drop_terminal" }, RUN),
  always(0.005, { kind: "gateway", afterMs: 200 }, RUN),
  always(0.005, { kind: "silence", ms: 3_000 }, RUN),
  always(0.01, { kind: "queue_delay", ms: 2_000 }, RUN),
  always(0.01, { kind: "chunking", bytes: 7 }, RUN),
  always(0.005, { kind: "node_failure" }, RUN),
];

/** Something that happens at a time of its own. */
export type Incident =
  | { readonly kind: "cut"; readonly line: Line; readonly ms: number }
  /** The rules file is written anew; its rule means something else. */
  | { readonly kind: "rules" }
  /** For a while the rules file is wrong. */
  | { readonly kind: "wrong_rules"; readonly ms: number };
export type Line = "fastio" | "dify" | "postgres" | "redis" | "receiver";

const CUT_EVERY_MS = 75_000;
const RULES_EVERY_MS = 120_000;
const WRONG_RULES_EVERY_MS = 600_000;
const CUT_MS = { least: 500, most: 4_000 } as const;

/**
 * Which lines are cut when, and when the rules change, in the order of time. Nothing happens in the first seconds, and
 * the last are quiet, so that all is mended at the end.
 * @param random uniform in [0, 1)
 */
export function planIncidents(
  lines: readonly Line[],
  durationMs: number,
  random: () => number,
): readonly { readonly atMs: number; readonly incident: Incident }[] {
  const times = (everyMs: number): number[] =>
    Array.from(
      { length: Math.floor((durationMs - CUT_MS.most - 5_000) / everyMs) },
      (_, index) => (index + 1) * everyMs,
    );
  const cuts = times(CUT_EVERY_MS).map((atMs, index) => ({
    atMs,
    incident: {
      kind: "cut" as const,
      line: lines[index % lines.length] ?? "receiver",
      ms: Math.round(CUT_MS.least + random() * (CUT_MS.most - CUT_MS.least)),
    },
  }));
  const changes = times(RULES_EVERY_MS).map((atMs) => ({ atMs, incident: { kind: "rules" as const } }));
  const mistakes = times(WRONG_RULES_EVERY_MS).map((atMs) => ({
    // Apart from the changes, which would mend it at once.
    atMs: atMs - 30_000,
    incident: { kind: "wrong_rules" as const, ms: 10_000 },
  }));
  return [...cuts, ...changes, ...mistakes].toSorted((a, b) => a.atMs - b.atMs);
}
