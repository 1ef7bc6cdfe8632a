import { z } from "zod";
import type { AttemptRow, EventRow, RunRow, RunStep } from "../src/ledger/schema.ts";
import { RUN_STEPS } from "./run-search-query.ts";
import type { Told } from "./told.ts";

/** What time passed for in which nobody worked on a run. */
const WAITS = [
  "source",
  "routing",
  "settle",
  "gather",
  "queue",
  "slot",
  "hold",
  "backoff",
  "busy",
  "upstream",
  "person",
  "replay",
] as const;
export type Wait = (typeof WAITS)[number];

const STEPS = ["event", "files", ...RUN_STEPS] as const;
export type TimelineStep = (typeof STEPS)[number];

const spanFields = { fromMs: z.number(), toMs: z.number() };

export const TimelineSchema = z
  .object({
    ...spanFields,
    waitMs: z.number(),
    workMs: z.number(),
    entries: z
      .array(
        z.object({
          step: z.enum(STEPS).describe("event: until the event was routed; files: until the files were there"),
          ...spanFields,
          state: z.enum(["done", "later", "failed", "waiting", "working"]).describe("waiting and working: it goes on"),
          tries: z.int(),
          failedTries: z.int(),
          waitMs: z.number(),
          workMs: z.number(),
          waits: z.array(z.object({ for: z.enum(WAITS), ms: z.number(), ...spanFields })),
          works: z.array(z.object({ ms: z.number(), ...spanFields })),
          error: z.string().nullable().describe("Of the last try that failed"),
          nextAction: z.string().nullable(),
        }),
      )
      .describe("Each step with all its tries, in the order in which the steps were first come to"),
  })
  .meta({ id: "RunTimeline" });
/** Milliseconds since the epoch; ends now while the run goes on. */
export type Timeline = Told<typeof TimelineSchema>;
/** One step with all its tries. */
export type TimelineEntry = Timeline["entries"][number];

/** Pieces of one step that are told one by one; what comes after is told with the last. */
const MAX_PIECES = 40;

/** What of a run tells where its time went. */
export type TimedRun = Pick<
  RunRow,
  | "createdAtMs"
  | "dueAtMs"
  | "finishedAtMs"
  | "fileCount"
  | "status"
  | "waitsFor"
  | "leaseOwner"
  | "leaseUntilMs"
  | "submittedAtMs"
  | "collectedAtMs"
  | "errorStep"
  | "errorMessage"
  | "nextAction"
>;

export type TimelineFacts = {
  readonly run: TimedRun;
  /** Undefined: the ledger has forgotten it. */
  readonly event: Pick<EventRow, "occurredAtMs" | "receivedAtMs" | "routedAtMs"> | undefined;
  /** In their order. */
  readonly attempts: readonly AttemptRow[];
  readonly nowMs: number;
};

/** Where the time of a run went: of each step what it waited for, and how long it worked. */
export function timelineOf({ run, event, attempts, nowMs }: TimelineFacts): Timeline {
  const steps = new Map<TimelineStep, TimelineEntry>();
  const note = (step: TimelineStep, change: (entry: TimelineEntry) => TimelineEntry): void => {
    steps.set(step, change(steps.get(step) ?? emptyEntry(step)));
  };
  const wait = (step: TimelineStep, reason: Wait, fromMs: number, toMs: number, ms = toMs - fromMs): void => {
    if (ms > 0) note(step, (entry) => addWait(entry, { for: reason, ms, fromMs, toMs }));
  };

  if (event) {
    wait("event", "source", event.occurredAtMs ?? event.receivedAtMs, event.receivedAtMs);
    wait("event", "routing", event.receivedAtMs, event.routedAtMs ?? run.createdAtMs);
  }
  const readyAtMs = Math.max(run.createdAtMs, Math.min(run.dueAtMs, attempts[0]?.startedAtMs ?? nowMs));
  wait("files", run.fileCount === null ? "settle" : "gather", run.createdAtMs, readyAtMs);

  let atMs = readyAtMs;
  let before: AttemptRow | undefined;
  for (const attempt of attempts) {
    const { startedAtMs, finishedAtMs, waitedFor, betweenFor } = attempt;
    wait(ownerOf(waitedFor, before, attempt.step), waitedFor ?? "queue", atMs, startedAtMs);
    const workMs = attempt.workedMs ?? finishedAtMs - startedAtMs;
    note(attempt.step, (entry) => addTry(entry, attempt, workMs));
    wait(attempt.step, betweenFor ?? "upstream", startedAtMs, finishedAtMs, finishedAtMs - startedAtMs - workMs);
    atMs = Math.max(atMs, finishedAtMs);
    before = attempt;
  }

  if (run.finishedAtMs === null) tellPresent({ run, atMs, before, nowMs }, note, wait);
  const step = steps.get(run.errorStep as TimelineStep); // another word is in no entry
  if (step && run.finishedAtMs !== null && run.status !== "delivered") {
    steps.set(step.step, { ...step, nextAction: run.nextAction, error: step.error ?? run.errorMessage });
  }
  const entries = [...steps.values()];
  return {
    fromMs: Math.min(run.createdAtMs, ...entries.map(({ fromMs }) => fromMs)),
    toMs: Math.max(run.finishedAtMs ?? nowMs, ...entries.map(({ toMs }) => toMs)),
    waitMs: entries.reduce((sum, { waitMs }) => sum + waitMs, 0),
    workMs: entries.reduce((sum, { workMs }) => sum + workMs, 0),
    entries,
  };
}

/** A try that failed is why the next one is waited for, whichever step is gone through first then. */
function ownerOf(reason: AttemptRow["waitedFor"], before: AttemptRow | undefined, step: RunStep): RunStep {
  const isOfBefore = reason === "backoff" || reason === "busy" || reason === "upstream" || reason === "person";
  return isOfBefore && before ? before.step : step;
}

type Present = {
  readonly run: TimedRun;
  readonly atMs: number;
  readonly before: AttemptRow | undefined;
  readonly nowMs: number;
};

/** What goes on at this moment; a try is written down when it is over. */
function tellPresent(
  { run, atMs, before, nowMs }: Present,
  note: (step: TimelineStep, change: (entry: TimelineEntry) => TimelineEntry) => void,
  wait: (step: TimelineStep, reason: Wait, fromMs: number, toMs: number) => void,
): void {
  const step = stepNow(run, before);
  const isAtWork = run.leaseOwner !== null && run.leaseUntilMs > nowMs;
  const reason = run.waitsFor ?? (run.status === "held" ? "hold" : "queue");
  if (!isAtWork) {
    const owner = ownerOf(run.waitsFor, before, step);
    wait(owner, reason, atMs, nowMs);
    note(owner, (entry) => ({ ...entry, state: "waiting", toMs: Math.max(entry.toMs, nowMs) }));
    return;
  }
  // When the workflow was asked for is known; of the other steps, that somebody is at it.
  const beganAtMs = step === "workflow" && run.submittedAtMs !== null ? Math.max(atMs, run.submittedAtMs) : atMs;
  wait(step, reason, atMs, beganAtMs);
  note(step, (entry) => ({
    ...addWork(entry, { ms: nowMs - beganAtMs, fromMs: beganAtMs, toMs: nowMs }),
    state: "working",
  }));
}

const NEXT: Readonly<Partial<Record<RunStep, RunStep>>> = {
  ask: "fetch",
  fetch: "workflow",
  workflow: "collect",
  collect: "folder",
  folder: "place",
  place: "share",
  share: "invite",
};

function stepNow({ status, submittedAtMs, collectedAtMs }: TimedRun, before: AttemptRow | undefined): RunStep {
  if (before && before.outcome !== "done") return before.step;
  if (submittedAtMs !== null && collectedAtMs === null) return "workflow";
  if (status === "queued" || status === "fetching") return before?.step === "fetch" ? "workflow" : "fetch";
  return (before && NEXT[before.step]) ?? (collectedAtMs === null ? "fetch" : "folder");
}

const emptyEntry = (step: TimelineStep): TimelineEntry => ({
  step,
  fromMs: Number.POSITIVE_INFINITY,
  toMs: Number.NEGATIVE_INFINITY,
  state: "done",
  tries: 0,
  failedTries: 0,
  waitMs: 0,
  workMs: 0,
  waits: [],
  works: [],
  error: null,
  nextAction: null,
});

type Span = { readonly fromMs: number; readonly toMs: number; readonly ms: number };

const reach = <T extends Span>(entry: TimelineEntry, { fromMs, toMs }: T) => ({
  fromMs: Math.min(entry.fromMs, fromMs),
  toMs: Math.max(entry.toMs, toMs),
});

const addWait = (entry: TimelineEntry, piece: TimelineEntry["waits"][number]): TimelineEntry => ({
  ...entry,
  ...reach(entry, piece),
  waitMs: entry.waitMs + piece.ms,
  waits: addPiece(entry.waits, piece),
});

const addWork = (entry: TimelineEntry, piece: Span): TimelineEntry => ({
  ...entry,
  ...reach(entry, piece),
  workMs: entry.workMs + piece.ms,
  works: addPiece(entry.works, piece),
});

function addPiece<T extends Span>(pieces: readonly T[], piece: T): readonly T[] {
  const last = pieces.at(-1);
  if (last === undefined || pieces.length < MAX_PIECES) return [...pieces, piece];
  return [...pieces.slice(0, -1), { ...last, toMs: Math.max(last.toMs, piece.toMs), ms: last.ms + piece.ms }];
}

const addTry = (entry: TimelineEntry, attempt: AttemptRow, workMs: number): TimelineEntry => ({
  ...addWork(entry, { ms: workMs, fromMs: attempt.startedAtMs, toMs: attempt.finishedAtMs }),
  tries: entry.tries + attempt.tries,
  failedTries: entry.failedTries + (attempt.outcome === "failed" ? 1 : 0),
  state: attempt.outcome,
  error: attempt.outcome === "failed" ? attempt.errorMessage : entry.error,
});
