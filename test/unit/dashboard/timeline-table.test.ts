import { expect, test } from "vitest";
import type { TimelineEntry } from "../../../handlers/timeline.ts";
import { timelineTable } from "../../../src/dashboard/timeline-table.ts";

/** A workflow that worked for a second and waited for a person for the rest of its first 100 s, and so on to 200 s. */
const ASKED: TimelineEntry = {
  step: "workflow",
  fromMs: 0,
  toMs: 200_000,
  state: "waiting",
  tries: 2,
  failedTries: 0,
  waitMs: 199_000,
  workMs: 1_000,
  waits: [
    { for: "person", ms: 99_000, fromMs: 0, toMs: 100_000 },
    { for: "person", ms: 100_000, fromMs: 100_000, toMs: 200_000 },
  ],
  works: [{ ms: 1_000, fromMs: 0, toMs: 100_000 }],
  error: null,
  nextAction: null,
};

test("a bar draws as work only what was worked, and as wait what a person took meanwhile", async () => {
  const table = await timelineTable({ fromMs: 0, toMs: 200_000, waitMs: 199_000, workMs: 1_000, entries: [ASKED] }, "");
  const drawn = [...table.toString().matchAll(/<rect class="(\w+)" x="([\d.]+)" y="0" width="([\d.]+)"/g)];
  expect(drawn.map(([, kind, x, width]) => [kind, Number(x), Number(width)])).toEqual([
    ["wait", 0, 500],
    ["wait", 500, 500],
    ["work", 0, 5],
  ]);
});
