import { describe, expect, test } from "vitest";
import {
  filesFor,
  inputProposal,
  printRule,
  putRule,
  type RuleWish,
  ruleIn,
  ruleNameFor,
} from "../../../../src/cli/init/propose-rule.ts";
import type { DifyInput } from "../../../../src/dify/types.ts";
import { parseRules } from "../../../../src/rules/load-rules.ts";

const WISH: RuleWish = {
  name: "summaries",
  workspace: { id: "3117763504443666597", name: "Dify: # Outputs\nof ours" },
  folder: "/In box/",
  files: ["*.{pdf,docx}"],
  keyVariable: "DIFY_API_KEY",
  inputs: { document: "{{ file }}", pages: 3 },
  deliver: { as: "share", invite: [] },
};
const FILE: DifyInput = { variable: "document", type: "file", required: true };

test.each([
  ["Summarise: Contracts!", "summarise-contracts"],
  ["Übersetzung  (DE→EN)", "ubersetzung-de-en"],
  ["報告", "new-files"],
  ["", "new-files"],
])("the rule of the app %j is called %s", (app, name) => {
  expect(ruleNameFor(app)).toBe(name);
});

test("files are those the app takes, in globs that rules take", () => {
  expect(filesFor(FILE)).toEqual([]);
  const custom = { ...FILE, allowedFileTypes: ["custom"], allowedFileExtensions: [".PDF", "docx"] };
  expect(filesFor(custom)).toEqual(["*.{pdf,docx}"]);
  expect(filesFor({ ...custom, allowedFileExtensions: ["csv"] })).toEqual(["*.csv"]);
  const kinds = filesFor({ ...FILE, allowedFileTypes: ["document", "image", "audio", "video"] });
  expect(kinds.join()).toMatch(/\bpdf\b.*/);
  expect(() => putRule(undefined, { ...WISH, files: kinds }, "rules.yaml")).not.toThrow();
});

test("texts are proposed for what is called a title or a name, and for nothing else", () => {
  const input = (variable: string, type = "text-input") => inputProposal({ variable, type, required: true });
  expect(input("doc_title")).toBe("{{ file.name }}");
  expect([input("language"), input("title", "number"), input("name", "select")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

describe("a rule is put into the rules file", () => {
  test("as the first one, with the workspace's name beside its id", () => {
    const text = putRule(undefined, WISH, "rules.yaml");
    expect(text).toMatch(/^# .*relay init/);
    expect(text).toMatch(/workspace: "3117763504443666597" # Dify: # Outputs of ours\n/);
    expect(parseRules(text, "rules.yaml").rules).toMatchObject([
      {
        name: "summaries",
        when: { workspace: WISH.workspace.id, folder: "/In box/**" },
        deliver: { as: "share", access: "link" },
      },
    ]);
    expect(printRule(WISH)).toContain("- name: summaries");
  });

  test.each([
    [{ as: "share", invite: ["pat@example.com"] }, { access: "named" }],
    [{ as: "drop-off", invite: ["pat@example.com"] }, { access: "named" }],
    [{ as: "workspace", invite: [] }, { as: "workspace" }],
    [{ as: "file-share", invite: [] }, { as: "file-share" }],
  ] as const)("that delivers %j", (deliver, want) => {
    const text = putRule(undefined, { ...WISH, deliver, folder: "/", files: [] }, "rules.yaml");
    expect(ruleIn(text, "summaries", "rules.yaml")).toMatchObject({ deliver: want });
    expect(ruleIn(text, "summaries", "rules.yaml")?.when.folder).toBeUndefined();
  });

  const OTHERS = `# ours
rules:
  # the first
  - name: others # stays
    when: { workspace: Legal }
floodHold: 7
`;

  test("behind the others, whose comments stay", () => {
    const text = putRule(OTHERS, WISH, "rules.yaml");
    for (const part of ["# ours", "# the first", "# stays", "floodHold: 7"]) expect(text).toContain(part);
    expect(parseRules(text, "rules.yaml").rules.map(({ name }) => name)).toEqual(["others", "summaries"]);
  });

  test("in the place of the one before, and a repeat changes nothing", () => {
    const once = putRule(OTHERS, WISH, "rules.yaml");
    expect(putRule(once, WISH, "rules.yaml")).toBe(once);
    const moved = putRule(once, { ...WISH, folder: "/Elsewhere" }, "rules.yaml");
    expect(parseRules(moved, "rules.yaml").rules).toHaveLength(2);
    expect(ruleIn(moved, "summaries", "rules.yaml")?.when.folder).toBe("/Elsewhere/**");
  });

  test("but not into a file that has faults: they are told", () => {
    expect(() => putRule("rules:\n  - nam: x\n", WISH, "rules.yaml")).toThrow(/rules\.yaml:2/);
  });
});
