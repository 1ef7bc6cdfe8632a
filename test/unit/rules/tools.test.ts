import { describe, expect, test } from "vitest";
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
