import { UnrecoverableError } from "bullmq";
import { expect, test } from "vitest";
import { fromBullMq, toBullMq } from "../../../queues/to-bullmq.ts";
import { PermanentError, TransientError } from "../../../src/errors.ts";

test("a permanent failure ends the job and keeps its cause", () => {
  const failure = new PermanentError("not_found", "no such node");
  const told = toBullMq(failure);
  expect(told).toBeInstanceOf(UnrecoverableError);
  expect(told).toMatchObject({ message: "not_found: no such node", cause: failure });
  expect(fromBullMq(told)).toBe(failure);
});

test("a passing failure is tried again as it is", () => {
  const failure = new TransientError("timed_out", "late");
  expect(toBullMq(failure)).toBe(failure);
  expect(fromBullMq(failure)).toBe(failure);
});

test.each([new TypeError("a bug"), "text"])("%s is tried again, in words the queue may show", (error) => {
  const told = toBullMq(error);
  expect(told).toMatchObject({ message: error instanceof Error ? error.message : error, cause: error });
  expect(told).not.toBeInstanceOf(UnrecoverableError);
});

test("a failed statement's parameters, which strangers sent, do not reach the queue", () => {
  const cause = new Error("value too long");
  const failure = new Error("Failed query: insert into x values ($1)\nparams: what a stranger sent", { cause });
  expect(toBullMq(failure)).toMatchObject({ message: "value too long" });
});
