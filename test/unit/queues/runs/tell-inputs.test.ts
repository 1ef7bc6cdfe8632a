import { expect, test } from "vitest";
import { tellInputs } from "../../../../queues/runs/tell-inputs.ts";
import { parseRules } from "../../../../src/rules/load-rules.ts";

const SENT = {
  document: { type: "document", transfer_method: "local_file", upload_file_id: "upload-1" },
  more: [{ type: "custom", transfer_method: "remote_url", url: "https://files.example/x?signature=abc" }],
  title: "offer.pdf",
  year: 2026,
  strict: true,
  extra: { a: 1 },
};

const ruleWith = (show: string) => {
  const [rule] = parseRules(`rules:\n  - name: one\n    when: { workspace: "*" }\n${show}`, "rules.yaml").rules;
  if (!rule) throw new Error("no rule");
  return rule;
};

test("names, kinds and sizes are told, values cut, and of files neither uploads nor links", () => {
  const told = tellInputs({ ...SENT, long: "ü".repeat(5_000) }, ruleWith(""));
  expect(told).toEqual([
    { name: "document", kind: "file", size: null, value: null, by: "upload" },
    { name: "more", kind: "files", size: null, value: null, by: "link" },
    { name: "title", kind: "text", size: 9, value: "offer.pdf" },
    { name: "year", kind: "number", size: 4, value: "2026" },
    { name: "strict", kind: "boolean", size: 4, value: "true" },
    { name: "extra", kind: "json", size: 7, value: '{"a":1}' },
    { name: "long", kind: "text", size: 10_000, value: `${"ü".repeat(499)}…` },
  ]);
});

test.each([
  ["    show: { inputs: false }\n", []],
  ["    show: { inputs: [year] }\n", ["2026"]],
  ["    show: { outputs: false }\n", ["offer.pdf", "2026", "true", '{"a":1}']],
])("what the rule does not let be shown is not kept: %s", (show, values) => {
  const told = tellInputs(SENT, ruleWith(show));
  expect(told.map(({ name }) => name)).toEqual(Object.keys(SENT));
  expect(told.flatMap(({ value }) => value ?? [])).toEqual(values);
});

test("addresses are told without what may open them, however many there are", () => {
  const text = "see https://user:pw@files.example/a?token=abc#key and http://b.example/plain.";
  expect(tellInputs({ text }, ruleWith(""))[0]?.value).toBe(
    "see https://…@files.example/a?… and http://b.example/plain.",
  );
  const many = tellInputs(
    {
      text: "http://a".repeat(200_000),
      ...Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`i${at}`, "x"])),
    },
    ruleWith(""),
  );
  expect(many).toHaveLength(50);
  expect(many[0]?.value?.length).toBe(500);
});

test.each(["show: yes please", "show: { inputs: 3 }", "show: { input: true }", "show: { inputs: [''] }"])(
  "%s is a fault of the rules file",
  (show) => expect(() => ruleWith(`    ${show}\n`)).toThrow(),
);
