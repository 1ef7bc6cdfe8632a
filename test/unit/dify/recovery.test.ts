import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DEFAULT_RECOVERY,
  decideNext,
  type NextStep,
  type RunKnown,
  type RunSeen,
} from "../../../src/dify/recovery.ts";
import type { DifyRunDetail, DifyRunEvent, DifyRunRow } from "../../../src/dify/types.ts";

const T0 = 1_700_000_000_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const row = (workflowRunId: string, status: string, createdAtMs = T0): DifyRunRow => ({
  workflowRunId,
  status,
  createdAtMs,
});
const detail = (status: DifyRunDetail["status"], part: Partial<DifyRunDetail> = {}): DifyRunDetail => ({
  id: "RUN",
  status,
  outputs: {},
  totalTokens: 0,
  totalSteps: 3,
  elapsedMs: 10,
  createdAtMs: T0,
  ...part,
});
const seen = (part: Partial<RunSeen> = {}): RunSeen => ({ nowMs: T0, attachable: false, ...part });
const finished = (
  status: "succeeded" | "failed" | "stopped" | "partial-succeeded",
  part: Partial<Extract<DifyRunEvent, { kind: "finished" }>> = {},
  atMs = T0,
) => ({ event: { kind: "finished", status, outputs: { a: 1 }, totalSteps: 3, ...part } as const, atMs });
const error = (message: string, atMs = T0) => ({ event: { kind: "error", status: 500, message } as const, atMs });

const submitted: RunKnown = { submittedAtMs: T0 };
const named: RunKnown = { submittedAtMs: T0, workflowRunId: "RUN" };

type Case = { readonly what: string; readonly known: RunKnown; readonly seen: RunSeen; readonly step: object };
const check = ({ known, seen: sight, step }: Case) => expect(decideNext(known, sight)).toMatchObject(step);

describe("before a run id is known", () => {
  test.each<Case>([
    { what: "nothing was submitted", known: {}, seen: seen(), step: { do: "start", again: false } },
    { what: "submitted, nothing seen yet", known: submitted, seen: seen(), step: { do: "look_up", afterMs: 0 } },
    {
      what: "no trace yet, a moment after",
      known: submitted,
      seen: seen({ rows: [], nowMs: T0 }),
      step: { do: "look_up", afterMs: 1 * SECOND },
    },
    {
      what: "no trace yet, 20 s after",
      known: submitted,
      seen: seen({ rows: [], nowMs: T0 + 20 * SECOND }),
      step: { do: "look_up", afterMs: 10 * SECOND },
    },
    {
      what: "no trace just before patience ends",
      known: submitted,
      seen: seen({ rows: [], nowMs: T0 + 329 * SECOND }),
      step: { do: "look_up", afterMs: 1 * SECOND },
    },
    {
      what: "no trace after 330 s",
      known: submitted,
      seen: seen({ rows: [], nowMs: T0 + 330 * SECOND }),
      step: { do: "start", again: true },
    },
    {
      what: "no trace when it was looked for in good time, though the answer was read long after",
      known: submitted,
      seen: seen({ rows: [], askedMs: T0 + 20 * SECOND, nowMs: T0 + 10 * MINUTE }),
      step: { do: "look_up", afterMs: 10 * SECOND },
    },
    {
      what: "no trace an hour after, of which we were up for 20 s",
      known: submitted,
      seen: seen({ rows: [], nowMs: T0 + 60 * MINUTE, upMs: 20 * SECOND }),
      step: { do: "look_up", afterMs: 10 * SECOND },
    },
    {
      what: "no trace when it was looked for as soon as we were up, though the answer was read long after",
      known: submitted,
      seen: seen({ rows: [], askedMs: T0 + 60 * MINUTE, nowMs: T0 + 66 * MINUTE, upMs: 6 * MINUTE }),
      step: { do: "look_up", afterMs: 1 * SECOND },
    },
    {
      what: "no trace an hour after, of which we were up for 330 s",
      known: submitted,
      seen: seen({ rows: [], nowMs: T0 + 60 * MINUTE, upMs: 330 * SECOND }),
      step: { do: "start", again: true },
    },
    {
      what: "no trace of the third submission",
      known: { ...submitted, submissions: 3 },
      seen: seen({ rows: [], nowMs: T0 + 330 * SECOND }),
      step: { do: "lost", why: "no_trace" },
    },
    {
      what: "a clock that went back does not shorten patience",
      known: submitted,
      seen: seen({ rows: [], nowMs: T0 - MINUTE }),
      step: { do: "look_up", afterMs: 1 * SECOND },
    },
    {
      what: "one run found",
      known: submitted,
      seen: seen({ rows: [row("A", "running")] }),
      step: { do: "adopt", workflowRunId: "A", stopOthers: [] },
    },
    {
      what: "found after patience ended is still found",
      known: submitted,
      seen: seen({ rows: [row("A", "succeeded")], nowMs: T0 + 10 * MINUTE }),
      step: { do: "adopt", workflowRunId: "A" },
    },
    {
      what: "three runs found: the oldest is it, those that run are to stop",
      known: submitted,
      seen: seen({ rows: [row("C", "running", T0 + 2), row("A", "failed", T0), row("B", "succeeded", T0 + 1)] }),
      step: { do: "adopt", workflowRunId: "A", stopOthers: ["C"] },
    },
    {
      what: "runs dealt with before are not adopted",
      known: { ...submitted, spentRunIds: ["A"] },
      seen: seen({ rows: [row("A", "failed")] }),
      step: { do: "look_up" },
    },
    {
      what: "an error frame without a run id",
      known: submitted,
      seen: seen({ end: error("topic is required in input form") }),
      step: { do: "fail", started: false, error: { code: "dify_input_invalid" } },
    },
    {
      what: "an error frame telling of overload",
      known: submitted,
      seen: seen({ end: error("Too many requests. Please try again later.") }),
      step: { do: "fail", started: false, error: { code: "dify_overloaded", retryable: true } },
    },
  ])("$what", check);

  test("with side effects in play, a missing trace is left to a person", () => {
    const policy = { ...DEFAULT_RECOVERY, whenAbsent: "ask" } as const;
    const step = decideNext(submitted, seen({ rows: [], nowMs: T0 + 331 * SECOND }), policy);
    expect(step).toMatchObject({ do: "lost", why: "no_trace" });
  });
});

describe("once a run id is known", () => {
  test.each<Case>([
    { what: "nothing seen yet", known: named, seen: seen(), step: { do: "poll", afterMs: 0 } },
    {
      what: "an id without a submission",
      known: { workflowRunId: "RUN" },
      seen: seen(),
      step: { do: "poll", afterMs: 0 },
    },
    ...(["succeeded", "failed", "stopped", "partial-succeeded"] as const).map((status) => ({
      what: `a record that says ${status}`,
      known: named,
      seen: seen({ detail: detail(status) }),
      step: { do: "finish", detail: { status }, doubles: [] },
    })),
    {
      what: "running, and the stream can be joined",
      known: named,
      seen: seen({ detail: detail("running"), attachable: true }),
      step: { do: "follow" },
    },
    {
      what: "running, and it cannot",
      known: named,
      seen: seen({ detail: detail("running") }),
      step: { do: "poll", afterMs: 2 * SECOND },
    },
    {
      what: "running for two minutes",
      known: named,
      seen: seen({ detail: detail("running"), nowMs: T0 + 2 * MINUTE }),
      step: { do: "poll", afterMs: 12 * SECOND },
    },
    {
      what: "running for ten minutes",
      known: named,
      seen: seen({ detail: detail("running"), nowMs: T0 + 10 * MINUTE }),
      step: { do: "poll", afterMs: 15 * SECOND },
    },
    {
      what: "running for longer than anything runs",
      known: named,
      seen: seen({ detail: detail("running"), nowMs: T0 + 31 * MINUTE, attachable: true }),
      step: { do: "lost", why: "no_end" },
    },
    {
      what: "begun late after a long queue: patience counts from the beginning",
      known: named,
      seen: seen({ detail: detail("running", { createdAtMs: T0 + 20 * MINUTE }), nowMs: T0 + 40 * MINUTE }),
      step: { do: "poll" },
    },
    {
      what: "a server whose clock is hours behind does not lose the run",
      known: named,
      seen: seen({ detail: detail("running", { createdAtMs: T0 - 8 * 60 * MINUTE }), nowMs: T0 + MINUTE }),
      step: { do: "poll" },
    },
    {
      what: "a server whose clock is hours ahead does not keep it forever",
      known: named,
      seen: seen({ detail: detail("running", { createdAtMs: T0 + 8 * 60 * MINUTE }), nowMs: T0 + 31 * MINUTE }),
      step: { do: "lost", why: "no_end" },
    },
    {
      what: "waiting for a person, by the record",
      known: named,
      seen: seen({ detail: detail("paused") }),
      step: { do: "pause", formTokens: [] },
    },
    {
      what: "waiting for a person, by the stream",
      known: named,
      seen: seen({ end: { event: { kind: "paused", formTokens: ["f"] }, atMs: T0 } }),
      step: { do: "pause", formTokens: ["f"] },
    },
    {
      what: "no record yet",
      known: named,
      seen: seen({ detail: "absent", attachable: true }),
      step: { do: "poll", afterMs: 2 * SECOND },
    },
    {
      what: "no record after all patience",
      known: named,
      seen: seen({ detail: "absent", nowMs: T0 + 330 * SECOND }),
      step: { do: "lost", why: "record_gone" },
    },
  ])("$what", check);
});

describe("after the stream's last word", () => {
  test.each<Case>([
    {
      what: "success needs no record",
      known: named,
      seen: seen({ end: finished("succeeded", { workflowId: "W", totalTokens: 7, elapsedMs: 10 }) }),
      step: {
        do: "finish",
        detail: { id: "RUN", workflowId: "W", status: "succeeded", outputs: { a: 1 }, totalTokens: 7, elapsedMs: 10 },
      },
    },
    {
      what: "nor does success with failures that were handled",
      known: named,
      seen: seen({ end: finished("partial-succeeded") }),
      step: { do: "finish", detail: { status: "partial-succeeded" } },
    },
    {
      what: "not even one that says otherwise, since it lags",
      known: named,
      seen: seen({ end: finished("succeeded"), detail: detail("paused"), attachable: true }),
      step: { do: "finish", detail: { status: "succeeded" } },
    },
    {
      what: "of a failure the record is asked first",
      known: named,
      seen: seen({ end: finished("failed") }),
      step: { do: "poll", afterMs: 0 },
    },
    {
      what: "and of what was stopped",
      known: named,
      seen: seen({ end: finished("stopped") }),
      step: { do: "poll", afterMs: 0 },
    },
    {
      what: "the record's word weighs more",
      known: named,
      seen: seen({ end: finished("failed", { error: "User requested stop" }), detail: detail("stopped") }),
      step: { do: "finish", detail: { status: "stopped" } },
    },
    {
      what: "a record that lags is asked again",
      known: named,
      seen: seen({ end: finished("failed"), detail: detail("running"), attachable: true, nowMs: T0 + SECOND }),
      step: { do: "poll", afterMs: 500 },
    },
    {
      what: "a record that does not come leaves the stream's word",
      known: named,
      seen: seen({ end: finished("failed"), detail: detail("running"), nowMs: T0 + 5 * SECOND }),
      step: { do: "finish", detail: { id: "RUN", status: "failed" } },
    },
    {
      what: "so does one that is missing",
      known: named,
      seen: seen({ end: finished("failed", { error: "x" }), detail: "absent", nowMs: T0 + 5 * SECOND }),
      step: { do: "finish", detail: { status: "failed", error: "x" } },
    },
    {
      what: "a run that failed before it began has no record and is not lost",
      known: named,
      seen: seen({ end: finished("failed", { error: "topic is required", totalSteps: 0 }), detail: "absent" }),
      step: { do: "finish", detail: { status: "failed", totalSteps: 0 } },
    },
    {
      what: "'stopped' by the listener while the engine goes on is no end",
      known: named,
      seen: seen({ end: finished("stopped"), detail: detail("running"), nowMs: T0 + MINUTE, attachable: true }),
      step: { do: "poll", afterMs: 6 * SECOND },
    },
    {
      what: "an error frame of a run that has an id waits for the record",
      known: named,
      seen: seen({ end: error("boom"), detail: detail("running"), nowMs: T0 + SECOND }),
      step: { do: "poll" },
    },
    {
      what: "and stands when the record says nothing",
      known: named,
      seen: seen({ end: error("boom"), detail: detail("running"), nowMs: T0 + 5 * SECOND }),
      step: { do: "fail", started: true, error: { code: "dify_run_failed" } },
    },
  ])("$what", check);
});

describe("runs submitted more than once", () => {
  const twice: RunKnown = { ...named, submissions: 2 };
  test("are looked up once more before they count as finished", () => {
    const sight = seen({ detail: detail("succeeded") });
    expect(decideNext(twice, sight)).toEqual({ do: "look_up", afterMs: 0 });
    const rows = [row("RUN", "succeeded"), row("TWIN", "succeeded", T0 + 1)];
    expect(decideNext(twice, { ...sight, rows })).toMatchObject({ do: "finish", doubles: ["TWIN"], stopOthers: [] });
  });

  test("a double that still runs at the end is to be stopped, one of an earlier life is none", () => {
    const rows = [row("RUN", "succeeded"), row("TWIN", "running", T0 + 1), row("OLD", "running", T0 - 1)];
    const sight = seen({ detail: detail("succeeded"), rows });
    expect(decideNext({ ...twice, spentRunIds: ["OLD"] }, sight)).toMatchObject({
      do: "finish",
      doubles: ["TWIN"],
      stopOthers: ["TWIN"],
    });
  });
});

describe("every situation", () => {
  const status = fc.constantFrom("running", "succeeded", "failed", "stopped", "partial-succeeded", "paused" as const);
  const knownAny = fc.record(
    {
      submittedAtMs: fc.integer({ min: T0 - 10 * MINUTE, max: T0 + MINUTE }),
      submissions: fc.integer({ min: 1, max: 5 }),
      workflowRunId: fc.constant("RUN"),
      spentRunIds: fc.subarray(["A", "B"]),
    },
    { requiredKeys: [] },
  );
  const seenAny = fc.record(
    {
      nowMs: fc.integer({ min: T0, max: T0 + 60 * MINUTE }),
      askedMs: fc.integer({ min: T0, max: T0 + 60 * MINUTE }),
      attachable: fc.boolean(),
      chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
      rows: fc.array(fc.record({ workflowRunId: fc.constantFrom("A", "B", "RUN"), status, createdAtMs: fc.nat() })),
      detail: fc.oneof(
        fc.constant("absent" as const),
        status.map((each) => detail(each as DifyRunDetail["status"])),
      ),
      end: fc.oneof(fc.constantFrom(error("x"), finished("succeeded"), finished("stopped"), finished("failed"))),
    },
    { requiredKeys: ["nowMs", "attachable"] },
  );

  test("is answered: no POST while an id is known, no POST after a fresh one, no negative wait", () => {
    fc.assert(
      fc.property(knownAny, seenAny, (known, sight) => {
        const step: NextStep = decideNext(known, sight);
        if (step.do === "start") {
          expect(known.workflowRunId).toBeUndefined();
          if (known.submittedAtMs !== undefined) {
            expect((sight.askedMs ?? sight.nowMs) - known.submittedAtMs).toBeGreaterThanOrEqual(
              DEFAULT_RECOVERY.absentAfterMs,
            );
            expect((sight.rows ?? []).filter((each) => !known.spentRunIds?.includes(each.workflowRunId))).toEqual([]);
          }
        }
        if ("afterMs" in step) expect(step.afterMs).toBeGreaterThanOrEqual(0);
        if (step.do === "adopt") expect(known.spentRunIds ?? []).not.toContain(step.workflowRunId);
      }),
    );
  });
});
