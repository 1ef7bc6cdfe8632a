import { describe, expect, test } from "vitest";
import { toolCalls } from "../../../src/ledger/schema.ts";
import { beginToolCall } from "../../../src/ledger/tool-calls.ts";
import { databases, useLedger } from "./subjects.ts";

// Where there is one, on a server: an embedded ledger has one connection, on which nothing happens at once.
describe.each(databases.slice(-1))("on %s", (name) => {
  const { ledger } = useLedger(name);
  let calls = 0;
  const begin = (caller: string, atMs: number): Promise<number> => {
    calls += 1;
    return beginToolCall(ledger().db, { id: `call-${calls}`, atMs, caller, via: "http", operation: "listFiles" }, 2);
  };

  test("a rate counts any minute, for each caller by itself, and refused calls do not count", async () => {
    for (const [atMs, waitMs] of [
      [0, 0],
      [10_000, 0],
      [20_000, 40_000],
      [60_001, 0],
      [60_002, 9_998],
    ] as const) {
      expect({ atMs, waitMs: await begin("a", atMs) }).toEqual({ atMs, waitMs });
      if (atMs === 20_000) expect(await begin("b", atMs)).toBe(0);
    }
  });

  test("of many calls at once no more go on than the rate allows", async () => {
    const waits = await Promise.all(Array.from({ length: 8 }, () => begin("a", 1_000)));
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(2);
    expect(await ledger().db.$count(toolCalls)).toBe(2);
  });
});
