import { describe, expect, test } from "vitest";
import { type CancelSeen, type CancelStep, decideCancel } from "../../../src/dify/cancelling.ts";
import { DEFAULT_RECOVERY } from "../../../src/dify/recovery.ts";
import type { DifyRunDetail, DifyRunRow } from "../../../src/dify/types.ts";

const T0 = 1_700_000_000_000;
const SECOND = 1_000;

const row = (workflowRunId: string, status: string, createdAtMs = T0): DifyRunRow => ({
  workflowRunId,
  status,
  createdAtMs,
});
const detail = (status: DifyRunDetail["status"]): DifyRunDetail => ({
  id: "RUN",
  status,
  outputs: {},
  totalTokens: 0,
  totalSteps: 3,
  elapsedMs: 10,
  createdAtMs: T0,
});

type Known = Parameters<typeof decideCancel>[0];
type Case = {
  readonly what: string;
  readonly known: Known;
  readonly seen?: Partial<CancelSeen>;
  readonly step: Partial<CancelStep>;
};

const submitted: Known = { submittedAtMs: T0 };
const named: Known = { submittedAtMs: T0, workflowRunId: "RUN" };
const stoppable: Known = { ...named, taskId: "TASK" };

const check = ({ known, seen = {}, step }: Case) =>
  expect(decideCancel(known, { nowMs: T0, ...seen }, DEFAULT_RECOVERY)).toMatchObject(step);

describe("a workflow run without an id", () => {
  test.each<Case>([
    { what: "was never asked for", known: {}, step: { do: "end", as: "not_started" } },
    { what: "is looked for by its user", known: submitted, step: { do: "look_up", afterMs: 0 } },
    {
      what: "may wait in Dify's queue: it is looked for as long as it may yet begin",
      known: submitted,
      seen: { rows: [], nowMs: T0 + 20 * SECOND },
      step: { do: "look_up", afterMs: 10 * SECOND },
    },
    {
      what: "without a trace when it was looked for in good time is looked for again, however late the answer was read",
      known: submitted,
      seen: { rows: [], askedMs: T0 + 20 * SECOND, nowMs: T0 + 600 * SECOND },
      step: { do: "look_up", afterMs: 10 * SECOND },
    },
    {
      what: "without a trace for all that time",
      known: submitted,
      seen: { rows: [], nowMs: T0 + 330 * SECOND },
      step: { do: "end", as: "no_trace" },
    },
    {
      what: "that is found is taken, and its doubles that run are to stop",
      known: { ...submitted, spentRunIds: ["OLD"] },
      seen: {
        rows: [
          row("OLD", "running", T0 - 1),
          row("B", "running", T0 + 1),
          row("A", "running"),
          row("C", "failed", T0 + 2),
        ],
      },
      step: { do: "adopt", workflowRunId: "A", stopOthers: ["B"] },
    },
  ])("$what", check);
});

describe("a workflow run that is known", () => {
  test.each<Case>([
    { what: "its record is asked first", known: stoppable, step: { do: "poll", afterMs: 0 } },
    ...(["running", "paused"] as const).map((status) => ({
      what: `${status}: is told to stop`,
      known: stoppable,
      seen: { detail: detail(status) },
      step: { do: "stop", taskId: "TASK" } as const,
    })),
    {
      what: "running, and no task is known: its events are asked for it",
      known: named,
      seen: { detail: detail("running") },
      step: { do: "seek_task" },
    },
    {
      what: "running, and its events cannot be listened to",
      known: named,
      seen: { detail: detail("running"), isMute: true },
      step: { do: "end", as: "unstoppable" },
    },
    {
      what: "running, and its events told nothing for longer than anything runs",
      known: named,
      seen: { detail: detail("running"), nowMs: T0 + 1_801 * SECOND },
      step: { do: "end", as: "unstoppable" },
    },
    {
      what: "told to stop a moment ago",
      known: stoppable,
      seen: { detail: detail("running"), stopAskedAtMs: T0 },
      step: { do: "poll", afterMs: 250 },
    },
    {
      what: "told to stop, and running for all patience",
      known: stoppable,
      seen: { detail: detail("running"), stopAskedAtMs: T0, nowMs: T0 + 15 * SECOND },
      step: { do: "end", as: "unconfirmed" },
    },
    ...(["stopped", "failed"] as const).map((status) => ({
      what: `told to stop, and ${status}`,
      known: stoppable,
      seen: { detail: detail(status), stopAskedAtMs: T0 },
      step: { do: "end", as: "stopped" } as const,
    })),
    {
      what: "told to stop, and had succeeded first",
      known: stoppable,
      seen: { detail: detail("succeeded"), stopAskedAtMs: T0 },
      step: { do: "end", as: "had_ended" },
    },
    ...(["succeeded", "failed", "partial-succeeded"] as const).map((status) => ({
      what: `${status} before anybody asked`,
      known: stoppable,
      seen: { detail: detail(status) },
      step: { do: "end", as: "had_ended" } as const,
    })),
    {
      what: "stopped by a worker that died before it could say so",
      known: stoppable,
      seen: { detail: detail("stopped") },
      step: { do: "end", as: "stopped" },
    },
    {
      what: "whose record is not there yet",
      known: stoppable,
      seen: { detail: "absent" },
      step: { do: "poll", afterMs: 2 * SECOND },
    },
    {
      what: "whose record never came",
      known: stoppable,
      seen: { detail: "absent", nowMs: T0 + 330 * SECOND },
      step: { do: "end", as: "record_gone" },
    },
  ])("$what", check);
});
