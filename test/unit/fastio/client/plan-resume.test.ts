import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planResume } from "../../../../src/fastio/client/resume-upload.ts";

describe("what an interrupted upload still lacks", () => {
  test("is found from any chunks the server has, however we would cut the file today", () => {
    const sizes = fc.record({
      size: fc.integer({ min: 1, max: 5_000 }),
      chunkBytes: fc.integer({ min: 100, max: 900 }),
      usual: fc.integer({ min: 1, max: 900 }),
      first: fc.constantFrom(0, 1),
      kept: fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
    });
    fc.assert(
      fc.property(sizes, ({ size, chunkBytes, usual, first, kept }) => {
        const count = Math.ceil(size / chunkBytes);
        const bytesOf = (index: number) => Math.min(chunkBytes, size - index * chunkBytes);
        const present = Array.from({ length: count }, (_, index) => index).filter((index) => kept[index] === true);
        const has = new Map(present.map((index) => [index + first, bytesOf(index)]));
        const plan = planResume(size, has, first, usual);
        const missing = plan.missing.reduce((sum, { from, to }) => sum + to - from, 0);
        const misfit = plan.misfits.reduce((sum, order) => sum + (has.get(order) ?? 0), 0);
        const held = [...has.values()].reduce((sum, bytes) => sum + bytes, 0);
        // What stays and what is sent make the whole, and nothing stays that does not fit.
        expect(missing + plan.presentBytes).toBe(size);
        expect(plan.presentBytes).toBe(held - misfit);
        // With two chunks to go by, nothing is sent again.
        const full = present.filter((index) => index < count - 1);
        if (full.length > 1) expect(plan.misfits).toEqual([]);
      }),
    );
  });

  test.each([
    { what: "nothing there", has: [], missing: [0, 1, 2] },
    { what: "only the short last one", has: [[3, 2]], missing: [0, 1] },
    { what: "only the first", has: [[1, 4]], missing: [1, 2] },
    {
      what: "all",
      has: [
        [1, 4],
        [2, 4],
        [3, 2],
      ],
      missing: [],
    },
  ])("with $what", ({ has, missing }) => {
    const plan = planResume(10, new Map(has.map(([order = 0, bytes = 0]) => [order, bytes])), 1, 4);
    expect(plan.missing.map(({ index }) => index)).toEqual(missing);
    expect(plan.misfits).toEqual([]);
  });

  test("leaves out chunks of another size", () => {
    const has = new Map([
      [1, 4],
      [2, 3],
      [9, 4],
    ]);
    expect(planResume(10, has, 1, 4)).toMatchObject({ misfits: [2, 9], presentBytes: 4 });
  });

  test("of an empty file is nothing", () => {
    expect(planResume(0, new Map(), 1, 4)).toEqual({ missing: [], misfits: [], presentBytes: 0 });
  });
});
