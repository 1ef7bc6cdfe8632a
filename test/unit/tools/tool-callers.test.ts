import { describe, expect, test } from "vitest";
import { createToolCallers } from "../../../handlers/tools/tool-callers.ts";

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
