import { describe, expect, test } from "vitest";
import type { DifyInput } from "../../../src/dify/types.ts";
import {
  judgeClock,
  judgeFailure,
  judgeFileLink,
  judgeInputs,
  judgeLoad,
  judgePace,
  judgeVersion,
} from "../../../src/doctor/judge-dify.ts";
import { PermanentError, TransientError } from "../../../src/errors.ts";
import { createMissingKeyError } from "./samples.ts";

test.each([
  ["1.9.2", "old_version"],
  ["1.12.1", "old_version"],
  ["1.13.3", "old_version"],
  ["0.15.0", "old_version"],
  ["1.14.0", undefined],
  ["1.17.0", undefined],
  ["2.0.0", undefined],
  [undefined, undefined],
  ["nightly", undefined],
])("version %s: %s", (version, fault) => {
  expect(judgeVersion(version).fault).toBe(fault);
});

test.each([
  [0, "ok"],
  [-29_000, "ok"],
  [31_000, "warning"],
  [-119_000, "warning"],
  [120_000, "failed"],
  [-86_400_000, "failed"],
  [undefined, "ok"],
])("a clock that is off by %s ms is %s", (skewMs, status) => {
  expect(judgeClock(skewMs).status).toBe(status);
});

test("the slowest answer decides the pace, and is named", () => {
  const answer = (operation: string, tookMs: number) => ({ operation, tookMs, skewMs: undefined });
  expect(judgePace([])).toMatchObject({ status: "ok" });
  expect(judgePace([answer("a", 1_999)])).toMatchObject({ status: "ok" });
  expect(judgePace([answer("a", 10), answer("b", 2_000), answer("c", 30)])).toMatchObject({
    fault: "slow_answers",
    found: expect.stringContaining("b took 2.0 s"),
  });
});

describe("inputs", () => {
  const input = (variable: string, type: string): DifyInput => ({ variable, type, required: false });

  test.each([
    ["none at all", [], "trigger_only"],
    ["texts alone", [input("topic", "paragraph")], "no_file_variable"],
    ["a file", [input("topic", "paragraph"), input("document", "file")], undefined],
    ["a list of files", [input("documents", "file-list")], undefined],
    ["several files, of which the rule must choose", [input("a", "file"), input("b", "file")], undefined],
  ])("%s", (_, inputs, fault) => {
    expect(judgeInputs(inputs).fault).toBe(fault);
  });
});

test.each([
  ["/files/1/file-preview?sign=x", undefined, "relative_file_urls"],
  ["/files/1/file-preview?sign=x", "https://files.example", undefined],
  ["https://dify.example/files/1", undefined, undefined],
  [undefined, undefined, undefined],
])("the link %s with DIFY_FILES_URL %s: %s", (link, filesUrl, fault) => {
  expect(judgeFileLink(link, filesUrl).fault).toBe(fault);
});

test("more unfinished runs than the relay would send are overload", () => {
  expect(judgeLoad(3, 3).fault).toBeUndefined();
  expect(judgeLoad(4, 3)).toMatchObject({ fault: "overloaded", found: expect.stringContaining("4 runs") });
});

describe("a failed call", () => {
  test.each([
    [new TransientError("connect_failed", "no connection"), "unreachable"],
    [new TransientError("connection_lost", "reset"), "unreachable"],
    [new TransientError("timed_out", "no answer in time"), "slow_answers"],
    [createMissingKeyError(), "wrong_key"],
    [new PermanentError("forbidden", "off"), "api_disabled"],
    [new PermanentError("dify_unpublished", "no"), "unpublished"],
    [new PermanentError("dify_not_workflow", "chat", { upstreamCode: "not_workflow_app" }), "not_workflow"],
    [
      new PermanentError("dify_not_workflow", "trigger", { upstreamCode: "trigger_workflow_service_mode_unavailable" }),
      "trigger_only",
    ],
    [new TransientError("dify_overloaded", "too many"), "overloaded"],
    [new TransientError("rate_limited", "too many"), "overloaded"],
    [new TransientError("upstream_unavailable", "502"), "overloaded"],
    [new PermanentError("dify_quota", "used up"), "quota_exhausted"],
    [new PermanentError("unsupported_here", "HTML"), "not_dify"],
    [new PermanentError("answer_malformed", "HTML"), "not_dify"],
    [new PermanentError("dify_input_invalid", "topic"), "inputs_do_not_fit"],
    [new PermanentError("dify_run_failed", "node"), "run_failed"],
    [new PermanentError("conflict", "odd"), "check_failed"],
    [new Error("a bug"), "check_failed"],
  ])("%s is %s, and says what to do", (error, fault) => {
    expect(judgeFailure(error)).toMatchObject({ status: "failed", fault, remedy: expect.stringMatching(/\S/) });
  });
});
