import type { RelayError } from "../errors.ts";
import { errorOfErrorEvent } from "./dify-error.ts";
import type { DifyRunDetail, DifyRunEvent, DifyRunRow } from "./types.ts";

/** What the ledger holds of a run's execution in Dify. */
export type RunKnown = {
  /**
   * When the newest `POST /workflows/run` was about to be sent; written before it. Cleared again when the call
   * failed and `wasSurelyNotStarted`. Milliseconds.
   */
  readonly submittedAtMs?: number | undefined;
  /** How many such calls there were. Default 1 once submitted. */
  readonly submissions?: number | undefined;
  readonly workflowRunId?: string | undefined;
  /** Workflow runs of the same user that were dealt with before, as after a replay; never adopted again. */
  readonly spentRunIds?: readonly string[] | undefined;
};

/** How a stream ended, in words of its last event. */
export type StreamEnd = {
  readonly event: Extract<DifyRunEvent, { kind: "finished" | "paused" | "error" }>;
  readonly atMs: number;
};

/** What this worker saw since it took the run up. Everything but the time begins empty. */
export type RunSeen = {
  readonly nowMs: number;
  /** From `findRuns`, as last read. */
  readonly rows?: readonly DifyRunRow[] | undefined;
  /** From `readRun`, as last read. */
  readonly detail?: DifyRunDetail | "absent" | undefined;
  /**
   * When the newer of the two was asked for. What it shows no trace of had none then, however much later a machine that
   * was asleep or busy comes to read the answer. Default: now.
   */
  readonly askedMs?: number | undefined;
  /**
   * How long this process has been up, by a clock that nobody sets. Dify may have been down as long as we were, with runs
   * in its queue, or a clock was set meanwhile. Default: for ever.
   */
  readonly upMs?: number | undefined;
  readonly end?: StreamEnd | undefined;
  /** Whether `followRun` is worth a try: false where it is not supported, and after it just failed. */
  readonly attachable: boolean;
  /** In [0, 1), from the injected chance: spreads waits by a quarter. Default: no spread. */
  readonly chance?: number | undefined;
};

/** Limits of patience, in milliseconds. */
export type RecoveryPolicy = {
  /** A submission without a trace for so long did not start, as far as anybody can tell. */
  readonly absentAfterMs: number;
  /** A run that has not ended after so long never will: its worker was probably killed. */
  readonly giveUpAfterMs: number;
  /** How long the record may lag behind the stream's last word. */
  readonly settleAfterMs: number;
  /** How long Dify gets to confirm that a run stopped; its engine looks for the wish between nodes only. */
  readonly stopAfterMs: number;
  /** Start again when a submission left no trace, or leave it to a person. */
  readonly whenAbsent: "start_again" | "ask";
  readonly maxSubmissions: number;
  readonly lookUpPauseMs: PauseRange;
  readonly pollPauseMs: PauseRange;
};

export type PauseRange = { readonly shortest: number; readonly longest: number };

/**
 * Dify gives a queued run up for silent after 300 s, hence 330. The engine's own limit is 1,200 s by default, checked
 * only between nodes, hence 30 minutes.
 */
export const DEFAULT_RECOVERY: RecoveryPolicy = {
  absentAfterMs: 330_000,
  giveUpAfterMs: 30 * 60_000,
  settleAfterMs: 5_000,
  stopAfterMs: 15_000,
  whenAbsent: "start_again",
  maxSubmissions: 3,
  lookUpPauseMs: { shortest: 1_000, longest: 30_000 },
  pollPauseMs: { shortest: 2_000, longest: 15_000 },
};

/** How a workflow run is got hold of. Times are milliseconds from now; 0 is at once. */
export type SeekStep =
  /** `findRuns`. */
  | { readonly do: "look_up"; readonly afterMs: number }
  /** Write this run id down. The others are doubles that still run: try to stop them, and tell. */
  | { readonly do: "adopt"; readonly workflowRunId: string; readonly stopOthers: readonly string[] }
  /** `readRun`. */
  | { readonly do: "poll"; readonly afterMs: number };

/** What to do next. */
export type NextStep =
  /** Write `submittedAtMs` down, then `startRun`. `again`: an earlier call left no trace; count it as a risk. */
  | { readonly do: "start"; readonly again: boolean }
  | SeekStep
  /** `followRun`, for what the run says while it lasts. */
  | { readonly do: "follow" }
  /** It waits for a person; the form tokens are known if the stream told them. */
  | { readonly do: "pause"; readonly formTokens: readonly string[] }
  /**
   * It ended, well or not: `errorOfRun(detail)` tells.
   * `doubles`: other runs of the same user, which should not exist; tell of them, and try to stop those that `stopOthers` names.
   */
  | {
      readonly do: "finish";
      readonly detail: DifyRunDetail;
      readonly doubles: readonly string[];
      readonly stopOthers: readonly string[];
    }
  /** Dify said why it gave up. `started: false`: no run exists, so a retryable error may be submitted anew. */
  | { readonly do: "fail"; readonly error: RelayError; readonly started: boolean }
  /** Nobody can tell what became of it: ask before running it again. */
  | { readonly do: "lost"; readonly why: LostWhy; readonly message: string };

/**
 * The rules for getting hold of a run again, after whatever interrupted it. Dify has no idempotency key, so a call
 * that may have arrived is never repeated before it was looked for. Pure: the caller does the one thing told, writes
 * down what it learned, and asks again.
 */
export function decideNext(known: RunKnown, seen: RunSeen, policy: RecoveryPolicy = DEFAULT_RECOVERY): NextStep {
  if (known.workflowRunId !== undefined) return decideWithId(known, known.workflowRunId, seen, policy);
  if (known.submittedAtMs === undefined) return { do: "start", again: false };
  // From 1.13 on a run may be refused within the stream, before it has an id.
  if (seen.end?.event.kind === "error") {
    return { do: "fail", error: errorOfErrorEvent(seen.end.event, { began: false }), started: false };
  }
  return decideWithoutId(known, known.submittedAtMs, seen, policy);
}

function decideWithoutId(
  { submissions = 1, spentRunIds = [] }: RunKnown,
  submittedAtMs: number,
  seen: RunSeen,
  policy: RecoveryPolicy,
): NextStep {
  const step = seek(seen, spentRunIds, waitedOf(seen, submittedAtMs), policy);
  if (step !== undefined) return step;
  if (policy.whenAbsent === "ask" || submissions >= policy.maxSubmissions) return lost("no_trace");
  return { do: "start", again: true };
}

/**
 * Looks for a workflow run whose id nobody knows; the oldest of its user is the one.
 * @param waitedMs from when it was submitted until it was looked for
 * @returns undefined when it has left no trace for so long that it hardly began
 */
export function seek(
  { rows, chance }: Pick<RunSeen, "rows" | "chance">,
  spentRunIds: readonly string[],
  waitedMs: number,
  policy: RecoveryPolicy,
): SeekStep | undefined {
  if (rows === undefined) return { do: "look_up", afterMs: 0 };
  const [oldest, ...others] = oldestFirst(rows, spentRunIds);
  if (oldest !== undefined) {
    return { do: "adopt", workflowRunId: oldest.workflowRunId, stopOthers: stillRunning(others) };
  }
  const patienceMs = policy.absentAfterMs - waitedMs;
  if (patienceMs <= 0) return undefined;
  return { do: "look_up", afterMs: Math.min(pauseFor(waitedMs / 2, policy.lookUpPauseMs, chance), patienceMs) };
}

function decideWithId(known: RunKnown, workflowRunId: string, seen: RunSeen, policy: RecoveryPolicy): NextStep {
  const { detail, end, nowMs } = seen;
  const record = detail === "absent" ? undefined : detail;
  if (record !== undefined && ENDED.has(record.status)) return finish(known, seen, record);
  if (end?.event.kind === "finished" && SUCCEEDED.has(end.event.status)) {
    return finish(known, seen, recordFromStream(workflowRunId, end.event, known, end.atMs));
  }
  if (end?.event.kind === "paused") return { do: "pause", formTokens: end.event.formTokens };
  if (record?.status === "paused") return { do: "pause", formTokens: [] };
  if (detail === undefined) return { do: "poll", afterMs: 0 };

  if (end !== undefined) {
    const step = decideAfterEnd(known, workflowRunId, end, seen, policy);
    if (step !== undefined) return step;
  }
  const submittedAtMs = known.submittedAtMs ?? record?.createdAtMs ?? 0;
  if (record === undefined) {
    const waitedMs = waitedOf(seen, submittedAtMs);
    if (waitedMs >= policy.absentAfterMs) return lost("record_gone");
    return { do: "poll", afterMs: pauseFor(waitedMs / 10, policy.pollPauseMs, seen.chance) };
  }
  const ageMs = nowMs - startOf(record, submittedAtMs, nowMs);
  if (ageMs > policy.giveUpAfterMs) return lost("no_end");
  if (seen.attachable && end === undefined) return { do: "follow" };
  return { do: "poll", afterMs: pauseFor(ageMs / 10, policy.pollPauseMs, seen.chance) };
}

/** The stream had its last word and the record does not say so (yet). undefined: the word was not the last. */
function decideAfterEnd(
  known: RunKnown,
  workflowRunId: string,
  end: StreamEnd,
  seen: RunSeen,
  policy: RecoveryPolicy,
): NextStep | undefined {
  const { event, atMs } = end;
  const neverBegan = event.kind === "finished" && event.status === "failed" && event.totalSteps === 0;
  const leftMs = atMs + policy.settleAfterMs - seen.nowMs;
  // Dify 1.17 makes up start and end of a run that failed before it began, and keeps no record of it.
  if (leftMs > 0 && !(neverBegan && seen.detail === "absent")) {
    return { do: "poll", afterMs: Math.min(leftMs, policy.pollPauseMs.shortest / 4) };
  }
  if (event.kind === "error") return { do: "fail", error: errorOfErrorEvent(event, { began: true }), started: true };
  if (event.kind !== "finished") return undefined;
  // Dify's listener says "stopped" when its own time limit passes, while the engine may go on and succeed.
  if (event.status === "stopped" && seen.detail !== "absent") return undefined;
  return finish(known, seen, recordFromStream(workflowRunId, event, known, atMs));
}

/** Before the end of a run that was submitted more than once: are there two of it? */
function finish(known: RunKnown, seen: RunSeen, detail: DifyRunDetail): NextStep {
  const { submissions = 1, spentRunIds = [] } = known;
  if (submissions > 1 && seen.rows === undefined) return { do: "look_up", afterMs: 0 };
  const others = oldestFirst(seen.rows ?? [], spentRunIds).filter((row) => row.workflowRunId !== known.workflowRunId);
  const doubles = others.map((row) => row.workflowRunId);
  return { do: "finish", detail, doubles, stopOthers: stillRunning(others) };
}

function recordFromStream(
  id: string,
  event: Extract<DifyRunEvent, { kind: "finished" }>,
  known: RunKnown,
  atMs: number,
): DifyRunDetail {
  const elapsedMs = event.elapsedMs ?? 0;
  return {
    id,
    ...(event.workflowId === undefined ? {} : { workflowId: event.workflowId }),
    status: event.status,
    outputs: event.outputs,
    ...(event.error === undefined ? {} : { error: event.error }),
    totalTokens: event.totalTokens ?? 0,
    totalSteps: event.totalSteps ?? 0,
    elapsedMs,
    createdAtMs: Math.max(known.submittedAtMs ?? 0, atMs - elapsedMs),
    finishedAtMs: atMs,
  };
}

/** Statuses after which nothing happens any more. */
export const ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "stopped", "partial-succeeded"]);

/**
 * Endings of which stream and record never say different things, so that the stream's word is enough; of the others
 * they may: what the engine or its listener breaks off is "failed" or "stopped" by turns. (workflow_app_runner.py and
 * persistence.py of langgenius/dify)
 */
const SUCCEEDED: ReadonlySet<string> = new Set(["succeeded", "partial-succeeded"]);

/** Without those of earlier lives. */
const oldestFirst = (rows: readonly DifyRunRow[], spent: readonly string[]): readonly DifyRunRow[] =>
  rows.filter((row) => !spent.includes(row.workflowRunId)).sort((a, b) => a.createdAtMs - b.createdAtMs);

const stillRunning = (rows: readonly DifyRunRow[]): readonly string[] =>
  rows.filter(({ status }) => !ENDED.has(status)).map(({ workflowRunId }) => workflowRunId);

/** When it began: by Dify's clock if that fits between submission and now (its zone may be wrong by hours), else by ours. */
const startOf = (record: DifyRunDetail, submittedAtMs: number, nowMs: number): number =>
  record.createdAtMs >= submittedAtMs && record.createdAtMs <= nowMs ? record.createdAtMs : submittedAtMs;

/** How long after its submission a run was looked for; what passed before we were up to look does not count. */
export const waitedOf = (
  { nowMs, askedMs = nowMs, upMs = Number.POSITIVE_INFINITY }: Pick<RunSeen, "nowMs" | "askedMs" | "upMs">,
  submittedAtMs: number,
): number => Math.max(0, Math.min(askedMs - submittedAtMs, upMs - (nowMs - askedMs)));

/** Longer waits for older runs; the time alone decides, so that a restarted worker keeps the pace. */
export function pauseFor(wishMs: number, { shortest, longest }: PauseRange, chance = 0.5): number {
  return Math.round(Math.min(longest, Math.max(shortest, wishMs)) * (0.75 + chance / 2));
}

/** Why nobody can tell what became of a run. */
export type LostWhy = keyof typeof LOST_BECAUSE;

const LOST_BECAUSE = {
  no_trace: "Dify shows no trace of the run that was submitted",
  record_gone: "Dify named the run and holds no record of it",
  no_end: "the run has passed every limit of time, and Dify does not say that it ended",
} as const;

export const lost = (why: LostWhy): Extract<NextStep, { do: "lost" }> => ({
  do: "lost",
  why,
  message: LOST_BECAUSE[why],
});
