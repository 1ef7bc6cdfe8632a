import { expect, test } from "vitest";
import { runNote } from "../../../src/dashboard/run-note.ts";

test.each([
  { status: "paused", error: null, progress: null, words: "its workflow waits for a person" },
  { status: "paused", error: null, progress: "was answered", words: "was answered" },
  { status: "paused", error: "no connection", progress: null, words: "no connection" },
  { status: "queued", error: null, progress: "waits for its turn in Dify", words: "waits for its turn in Dify" },
  { status: "failed", error: "the workflow failed", progress: null, words: "the workflow failed" },
  { status: "delivered", error: "once", progress: null, words: "" },
  { status: "running", error: null, progress: null, words: "" },
] as const)("a run that is $status with error $error and progress $progress says: $words", ({ words, ...run }) => {
  expect(runNote(run)).toBe(words);
});
