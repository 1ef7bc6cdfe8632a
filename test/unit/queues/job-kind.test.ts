import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type JobKind, NEWER_JOB_PAUSE_MS, readJob, withJob } from "../../../queues/job-kind.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const NOW_MS = 1_795_327_200_000;

/** Version 1 said `file`, version 2 `files`, version 3 also how urgent it is. */
const Newest = z.strictObject({ v: z.literal(3), files: z.array(z.string()), urgent: z.boolean() });
const kind: JobKind<typeof Newest> = {
  schema: Newest,
  upgrades: [
    ({ file }) => ({ v: 2, files: [file] }),
    (second) => ({ ...second, v: 3, urgent: second["urgent"] ?? false }),
  ],
};
const done = { kind: "done" } as const;

describe("a job", () => {
  test.each([
    ["the first version", { v: 1, file: "a" }, ["a"]],
    ["the version before", { v: 2, files: ["a", "b"] }, ["a", "b"]],
    ["the present version", { v: 3, files: [], urgent: false }, []],
  ])("of %s is read as one of the present version", (_which, data, files) => {
    expect(readJob(kind, data)).toEqual({ kind: "known", data: { v: 3, files, urgent: false } });
  });

  test("of a newer version is put off, and not worked on", async () => {
    const told: unknown[] = [];
    const worked: unknown[] = [];
    const log = { ...silentLog, info: (event: string, fields?: object) => told.push({ event, ...fields }) };
    const handle = withJob(kind, { clock: { ...systemClock, now: () => NOW_MS }, log }, async (data) => {
      worked.push(data);
      return done;
    });
    const job = { id: "job-1", data: { v: 4, anything: "at all" }, attempt: 1 };
    expect(await handle(job, new AbortController().signal)).toEqual({
      kind: "later",
      atMs: NOW_MS + NEWER_JOB_PAUSE_MS,
    });
    expect(worked).toEqual([]);
    expect(told).toEqual([{ event: "job.left_to_newer", jobId: "job-1", version: 4, known: 3 }]);
  });

  test.each([
    ["without a version", { files: [], urgent: false }],
    ["of version 0", { v: 0, files: [], urgent: false }],
    ["of a version that is no number", { v: "4", files: [], urgent: false }],
    ["of version 1.5", { v: 1.5, file: "a" }],
    ["with more than its version has", { v: 3, files: [], urgent: false, other: 1 }],
    ["with less than its version has", { v: 1 }],
    ["that is no object", "files"],
    ["that is nothing", null],
  ])("%s can never be done", (_which, data) => {
    expect(() => readJob(kind, data)).toThrow(expect.objectContaining({ code: "job_malformed", retryable: false }));
  });
});
