import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { printJsonSchema, rulesJsonSchema } from "../../../src/rules/json-schema.ts";
import { KEY_DOCS } from "../../../src/rules/key-docs.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { KEYS } from "../../../src/rules/schema.ts";

const at = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const validate = new Ajv({ strict: true, allowUnionTypes: true, formats: { uri: URL.canParse } }).compile(
  rulesJsonSchema(),
);
const faultsOf = (text: string): readonly string[] => {
  validate(parse(text));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
};

const withRule = (more: string) => `rules:\n  - name: one\n    when:\n      workspace: Legal\n${more}`;

test("the file in the repository is the one that the relay prints", () => {
  expect(at("relay.schema.json"), "run: npm run schema").toBe(printJsonSchema());
});

test.each(["relay.config.example.yaml", "examples/demo.rules.yaml", "examples/emulated.rules.yaml"])(
  "%s fits",
  (path) => {
    expect(faultsOf(at(path))).toEqual([]);
  },
);

test("the example names the schema for editors", () => {
  expect(at("relay.config.example.yaml").split("\n", 1)).toEqual([
    "# yaml-language-server: $schema=./relay.schema.json",
  ]);
});

describe("what the loader takes, editors take too", () => {
  test.each([
    "      files: '*.pdf'\n      maxSize: 15000\n      minSize: 1.5 kib\n      settle: 10s\n",
    "      events: file.moved\n      outputsOf: '*'\n",
    "    run: { ask: { question: x, into: a }, inputs: { n: 3, deep: true } }\n",
    "    deliver: { outputs: [summary, { name: report, types: text/* }], password: SHARE_PASSWORD }\n",
    "    deliver: { outputs: summary, branding: { background: '#ffffff' } }\n",
    "    limit: { runsPerDay: 5 }\n    shadow: true\nfloodHold: 7\n",
  ])("%#", (more) => {
    expect(parseRules(withRule(more), "r.yaml").rules).toHaveLength(1);
    expect(faultsOf(withRule(more))).toEqual([]);
  });
});

describe("typical mistakes are seen while one writes", () => {
  test.each([
    ["a misspelt key", withRule("      foldr: /Inbox\n"), "must NOT have additional properties"],
    ["a misplaced key", withRule("      timeout: 3m\n"), "must NOT have additional properties"],
    ["an unknown word", withRule("    deliver: { as: shares }\n"), "/as must be equal to one of the allowed values"],
    ["an unknown event", withRule("      events: [file.uploaded]\n"), "/events/0 must be equal to one of"],
    ["a time without a unit", withRule("    run: { timeout: 20 }\n"), "/timeout must be string"],
    ["a time in words", withRule("    run: { timeout: soon }\n"), "/timeout must match pattern"],
    ["a size that is none", withRule("      maxSize: big\n"), "/maxSize must match pattern"],
    ["an id without quotes", "rules: [{ name: one, when: { workspace: 12345 } }]", "/workspace must be string"],
    ["a rule without a name", "rules: [{ when: { workspace: Legal } }]", "must have required property 'name'"],
    ["a name with spaces", "rules: [{ name: My Rule, when: { workspace: Legal } }]", "/name must match pattern"],
    ["no rules", "rules: []", "/rules must NOT have fewer than 1 items"],
    ["a password in the file", withRule("    deliver: { password: hunter2! }\n"), "/password must match pattern"],
    ["a list of nothing", withRule("      files: []\n"), "/files must NOT have fewer than 1 items"],
  ])("%s", (_what, text, message) => {
    expect(() => parseRules(text, "r.yaml")).toThrow();
    expect(faultsOf(text).join("\n")).toContain(message);
  });
});

describe("each key says what it is for", () => {
  const SECTIONS: Readonly<Record<string, readonly string[]>> = {
    file: [""],
    rule: ["rules."],
    tools: ["tools."],
    alerts: ["alerts."],
    exclude: ["rules.when.exclude."],
    batch: ["rules.run.batch."],
    ask: ["rules.run.ask.", "rules.deliver.ask."],
    outputs: ["rules.deliver.outputs."],
    branding: ["rules.deliver.branding."],
    links: ["rules.deliver.branding.links."],
  };
  const paths = Object.entries(KEYS).flatMap(([section, keys]) =>
    (SECTIONS[section] ?? [`rules.${section}.`]).flatMap((prefix) => keys.map((key) => `${prefix}${key}`)),
  );

  test("and no other", () => {
    expect(Object.keys(KEY_DOCS).toSorted()).toEqual(paths.toSorted());
  });

  test.each(Object.entries(KEY_DOCS).filter(([path, { unsaid }]) => unsaid !== undefined && path.startsWith("rules.")))(
    "%s has the default that it says",
    (path, { unsaid }) => {
      const keys = path.split(".").slice(1);
      // What a default stands in may have to be there for it.
      const around = (value: unknown): Record<string, unknown> => {
        const rule: Record<string, unknown> = { name: "one", when: { workspace: "Legal" } };
        if (path.includes(".batch.")) rule["run"] = { group: "batch" };
        let place = rule;
        for (const key of keys.slice(0, -1)) {
          const inner: Record<string, unknown> = { ...(place[key] as object | undefined) };
          if (key === "ask") Object.assign(inner, { question: "x", into: "a" });
          place[key] = inner;
          place = inner;
        }
        if (value !== undefined) place[keys.at(-1) ?? ""] = value;
        return rule;
      };
      const [unsaidRule] = parseRules(JSON.stringify({ rules: [around(undefined)] }), "r.yaml").rules;
      const [saidRule] = parseRules(JSON.stringify({ rules: [around(unsaid)] }), "r.yaml").rules;
      const absentIsFalse = { shadow: false, handoff: false };
      const said = {
        ...absentIsFalse,
        ...saidRule,
        run: { group: "each", whenUntraced: "start-again", ...saidRule?.run },
      };
      const left = {
        ...absentIsFalse,
        ...unsaidRule,
        run: { group: "each", whenUntraced: "start-again", ...unsaidRule?.run },
      };
      expect(left).toEqual(said);
    },
  );
});
