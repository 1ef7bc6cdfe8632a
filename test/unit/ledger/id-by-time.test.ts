import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { idByTime } from "../../../src/ledger/id-by-time.ts";

test("ids sort by when they were made, and say nothing else", () => {
  const ids = [0, 1, 0xffff, 0x10000, 1_800_000_000_000, 1_800_000_000_001, 2 ** 48 - 1].map((nowMs) =>
    idByTime(randomUUID(), nowMs),
  );
  expect([...ids].sort()).toEqual(ids);
  expect(idByTime("01234567-89ab-4def-8123-456789abcdef", 0x0190_a1b2_c3d4)).toBe(
    "0190a1b2-c3d4-7def-8123-456789abcdef",
  );
});

test("each is a UUID of version 7, and no two of one moment are the same", () => {
  const ids = Array.from({ length: 1_000 }, () => idByTime(randomUUID(), 1_800_000_000_000));
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(ids.length);
});
