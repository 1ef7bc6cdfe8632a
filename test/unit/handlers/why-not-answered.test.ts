import { expect, test } from "vitest";
import { whyNotAnswered } from "../../../handlers/answer-run.ts";
import { RUN_STATUSES } from "../../../src/ledger/run-statuses.ts";

test.each([
  ["paused", true, /laid aside.*look again.*replay.*cancel/],
  ["held", false, /release/],
  ["failed", false, /is failed.*replay/],
  ["delivered", false, /is delivered.*replay/],
  ["running", false, /is running.*asks nobody yet/],
] as const)(
  "a run that is %s (laid aside: %j) asks nobody, and what can be done is said",
  (status, isParked, words) => {
    expect(whyNotAnswered({ kind: "not_paused", status, isParked })).toMatch(words);
  },
);

test.each(RUN_STATUSES)("that a run is %s is said with what follows", (status) => {
  expect(whyNotAnswered({ kind: "not_paused", status, isParked: false })).toMatch(/asks nobody.*: \S/);
});
