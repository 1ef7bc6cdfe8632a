import { describe, expect, test } from "vitest";
import { createCallRate } from "../../../handlers/tools/call-rate.ts";
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

test("a rate counts any minute, for each caller by itself, and refused calls do not count", () => {
  const take = createCallRate();
  expect([0, 10_000, 20_000].map((atMs) => take("a", 2, atMs))).toEqual([0, 0, 40_000]);
  expect(take("b", 2, 20_000)).toBe(0);
  expect(take("a", 2, 60_001)).toBe(0);
  expect(take("a", 2, 60_002)).toBe(9_998);
});
