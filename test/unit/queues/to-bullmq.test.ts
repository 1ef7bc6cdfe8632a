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

test.each([new TransientError("timed_out", "late"), new TypeError("a bug"), "text"])(
  "%s is tried again as it is",
  (error) => {
    expect(toBullMq(error)).toBe(error);
    expect(fromBullMq(error)).toBe(error);
  },
);
