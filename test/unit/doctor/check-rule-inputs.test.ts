import { describe, expect, test } from "vitest";
import type { DifyInput } from "../../../src/dify/types.ts";
import { checkInputsOfRules } from "../../../src/doctor/check-inputs-of-rules.ts";
import { acceptedExtension, checkRuleInputs, sampleNames } from "../../../src/doctor/check-rule-inputs.ts";
import { createMissingKeyError, ruleOf } from "./samples.ts";

const document: DifyInput = { variable: "document", type: "file", required: true, allowedFileTypes: ["document"] };
const title: DifyInput = { variable: "title", type: "text-input", required: false, maxLength: 5 };
const MIB = 1024 * 1024;
const uploadLimits = { image: 10 * MIB, audio: 50 * MIB, video: 100 * MIB, other: 15 * MIB };
const both = 'inputs: { document: "{{ file }}", title: "fine" }';

describe("a rule's inputs", () => {
  test.each([
    ["that fit", ruleOf({ run: both }), [document, title], []],
    ["without one for the file, which the app's only file variable takes", ruleOf(), [document, title], []],
    ["with a name the app has not", ruleOf({ run: both }), [document], [/title is not an input of the app/]],
    ["without one that is required", ruleOf(), [document, { ...title, required: true }], [/title is required/]],
    [
      "with a text longer than allowed",
      ruleOf({ run: 'inputs: { title: "far too long" }' }),
      [document, title],
      [/title takes 5 characters/],
    ],
    [
      "with a kind of file the app does not take",
      ruleOf({ when: ', files: ["*.pdf", "*.mp4"]' }),
      [document],
      [/takes document; this file is \.mp4/],
    ],
    ["for an app without a file variable", ruleOf(), [title], [/no file variable/]],
    [
      "for an app with several",
      ruleOf(),
      [document, { ...document, variable: "annex" }],
      [/several file variables \(document, annex\)/],
    ],
  ])("%s", (_, rule, declared, faults) => {
    const fit = checkRuleInputs(rule, { inputs: declared, uploadLimits });
    expect(fit).toEqual({ faults: faults.map((fault) => expect.stringMatching(fault)), notes: [] });
  });

  test.each([
    ["an upload where links alone are taken", "", ["remote_url"], { faults: [/takes links only/], notes: [] }],
    ["a link where uploads alone are taken", "send: url", ["local_file"], { faults: [], notes: [/takes no links/] }],
    ["a link where both are taken", "send: url", ["local_file", "remote_url"], { faults: [], notes: [] }],
    ["a link where nothing is said of it", "send: url", [], { faults: [], notes: [] }],
  ])("%s", (_, run, allowedUploadMethods, { faults, notes }) => {
    const fit = checkRuleInputs(ruleOf({ run }), { inputs: [{ ...document, allowedUploadMethods }], uploadLimits });
    expect(fit).toEqual({
      faults: faults.map((fault) => expect.stringMatching(fault)),
      notes: notes.map((note) => expect.stringMatching(note)),
    });
  });

  test("a size that the rule lets in and an upload to Dify does not is told; a link has no such limit", () => {
    const large = ", maxSize: 20MB";
    const parameters = { inputs: [document], uploadLimits };
    expect(checkRuleInputs(ruleOf({ when: large }), parameters).notes).toEqual([
      "maxSize lets in 20000000 bytes, and this Dify takes 15728640 of files like sample.pdf",
    ]);
    expect(checkRuleInputs(ruleOf({ when: large, run: "send: url" }), parameters).notes).toEqual([]);
  });

  test("are tried on each kind of file the rule names, or on one the app takes", () => {
    expect(sampleNames(ruleOf({ when: ', files: ["*.{PDF,docx}", "*.csv", "report-*"]' }), [document])).toEqual([
      "sample.pdf",
      "sample.docx",
      "sample.csv",
    ]);
    expect(sampleNames(ruleOf(), [{ ...document, allowedFileTypes: ["audio"] }])).toEqual(["sample.mp3"]);
  });

  test.each([
    [{ ...document, allowedFileTypes: ["custom"], allowedFileExtensions: [".step"] }, "step"],
    [{ ...document, allowedFileTypes: ["image"] }, "png"],
    [{ ...document, allowedFileTypes: [] }, "pdf"],
  ])("an app that takes $allowedFileTypes takes .%s", (input, extension) => {
    expect(acceptedExtension([title, input])).toBe(extension);
  });
});

describe("the inputs of several rules", () => {
  test("ask each app once, and an app that cannot be asked is told", async () => {
    let asked = 0;
    const difyFor = (keyVariable: string) => {
      if (keyVariable !== "DIFY_API_KEY") throw createMissingKeyError();
      return {
        readParameters: async () => {
          asked += 1;
          return { inputs: [document, title], uploadLimits };
        },
      };
    };
    const rules = [ruleOf(), ruleOf({ run: both }), ruleOf({ run: "key: OTHER_KEY" })];
    const verdicts = await checkInputsOfRules({ difyFor }, rules, new AbortController().signal);
    expect(asked).toBe(1);
    expect(verdicts.map(({ faults }) => faults)).toEqual([[], [], []]);
    expect(verdicts.map(({ unanswered }) => unanswered)).toEqual([
      undefined,
      undefined,
      "OTHER_KEY: Access token is invalid",
    ]);
  });
});
