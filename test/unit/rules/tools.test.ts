import { describe, expect, test } from "vitest";
import { createCallRate } from "../../../handlers/tools/call-rate.ts";
import { createToolCallers } from "../../../handlers/tools/tool-callers.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";

const RULES = "rules:\n  - name: one\n    when: { workspace: Legal }\n";
const read = (tools: string) => parseRules(`${RULES}tools:\n${tools}`, "r.yaml").tools;

describe("what tokens may do", () => {
  test("is read with its defaults", () => {
    expect(read("  agent-a: { workspaces: Legal, operations: [listFiles] }\n")).toEqual({
      "agent-a": {
        workspaces: ["Legal"],
        operations: ["listFiles"],
        maxUploadBytes: 50_000_000,
        perMinute: 60,
        fetch: [],
      },
    });
    expect(parseRules(RULES, "r.yaml").tools).toEqual({});
  });

  test.each([
    [
      "  agent-a: { workspaces: Legal, operations: [listFile] }\n",
      'tools.agent-a.operations[0]: "listFile" is not one of',
    ],
    ["  agent-a: { workspaces: Legal, operations: [listFile] }\n", 'did you mean "listFiles"?'],
    ["  agent-a: { operations: '*' }\n", "tools.agent-a.workspaces: is missing"],
    ["  agent-a: { workspaces: Legal }\n", "tools.agent-a.operations: is missing"],
    ["  agent-a: { workspaces: Legal, operations: '*', maxUplod: 5MB }\n", 'did you mean "maxUpload"?'],
    ["  agent-a: { workspaces: Legal, operations: '*', maxUpload: big }\n", "maxUpload: must be a size"],
    ["  agent-a: { workspaces: Legal, operations: '*', perMinute: 0 }\n", "perMinute: must be a whole number"],
    ["  agent-a: { workspaces: Legal, operations: '*', fetch: 'https://x.example/' }\n", "must be the name of a host"],
    ["  agent-a: { workspaces: Legal, operations: '*', fetch: '*' }\n", "must be the name of a host"],
    ["  Agent A: { workspaces: Legal, operations: '*' }\n", "must be 1 to 63 small letters"],
    ["  - agent-a\n", "must be a map from names of tokens"],
    ["  agent-a:\n", "tools.agent-a: is empty"],
  ])("%j is refused with its place", (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(/^r\.yaml has a fault:\nr\.yaml:[4-6]:\d+: tools/m);
  });
});

describe("callers are known by their tokens", () => {
  const grant = {
    workspaces: ["Legal"],
    operations: ["listFiles"],
    maxUploadBytes: 1,
    perMinute: 1,
    fetch: [],
  } as const;
  const tokens = [
    { name: "agent-a", token: "token-of-agent-a" },
    { name: "toString", token: "token-of-nobody!" },
  ];

  test("and nobody is let in while there are none", () => {
    expect(createToolCallers([], () => ({}))("anything at all")).toEqual({ kind: "unconfigured" });
  });

  test("one that the rules file does not name may do nothing", () => {
    const find = createToolCallers(tokens, () => ({ "agent-a": grant }));
    expect(find("token-of-agent-a")).toEqual({ kind: "known", caller: { name: "agent-a", grant } });
    expect(find("token-of-nobody!")).toMatchObject({ caller: { grant: { workspaces: [], operations: [] } } });
    expect([find("token-of-agent-b"), find(""), find(undefined)]).toEqual(Array(3).fill({ kind: "unknown" }));
  });

  test("and lose at once what the file no longer grants", () => {
    let grants: Readonly<Record<string, typeof grant>> = { "agent-a": grant };
    const find = createToolCallers(tokens, () => grants);
    grants = {};
    expect(find("token-of-agent-a")).toMatchObject({ caller: { grant: { operations: [] } } });
  });
});

test("a rate counts any minute, for each caller by itself, and refused calls do not count", () => {
  const take = createCallRate();
  expect([0, 10_000, 20_000].map((atMs) => take("a", 2, atMs))).toEqual([0, 0, 40_000]);
  expect(take("b", 2, 20_000)).toBe(0);
  expect(take("a", 2, 60_001)).toBe(0);
  expect(take("a", 2, 60_002)).toBe(9_998);
});
