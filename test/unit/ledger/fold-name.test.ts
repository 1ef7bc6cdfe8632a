import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldName, gramsOf } from "../../../src/ledger/fold-name.ts";

/** Characters that stand for themselves wherever they stand: no marks that join, nothing that is not seen. */
const plain = fc.string({
  unit: fc.constantFrom(..."abcXYZ019 .-_()äÖßçñЖжΣσς契約書한글אבג", "📄"),
  maxLength: 60,
});

describe("a name as it is compared", () => {
  test("any part of a name, in any case, is found in it", () => {
    fc.assert(
      fc.property(plain, plain, plain, fc.nat(2), (before, part, after, at) => {
        const typed = [part, part.toLowerCase(), part.toUpperCase()][at] ?? part;
        expect(foldName(`${before}${part}${after}`)).toContain(foldName(typed));
      }),
    );
  });

  test("a name holds all grams of each of its parts, or the index would hide it", () => {
    fc.assert(
      fc.property(plain, plain, plain, (before, part, after) => {
        const grams = new Set(gramsOf(foldName(`${before}${part}${after}`)));
        for (const gram of gramsOf(foldName(part))) expect(grams).toContain(gram);
      }),
    );
  });

  test("whatever it is given, it is folded once and for all, is short, and can be stored", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0x10ffff), { maxLength: 1_000 }), (points) => {
        const name = String.fromCodePoint(...points);
        const folded = foldName(name);
        expect(foldName(folded)).toBe(folded);
        expect(Array.from(folded).length).toBeLessThanOrEqual(500);
        expect(folded).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        for (const gram of gramsOf(folded)) expect(gram).toBeLessThan(2 ** 31);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["A\u0308rzte", "ärzte"],
    ["Straße", "STRASSE"],
    ["ＦＵＬＬ　ｗｉｄｔｈ", "full width"],
    ["ﬁle\u00a0 name", "FILE name"],
    ["evil\u202Efdp.exe", "evilfdp.EXE"],
  ])("%s is compared like %s", (left, right) => {
    expect(foldName(left)).toBe(foldName(right));
  });
});
