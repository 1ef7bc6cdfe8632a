import { expect, test } from "vitest";
import { nameHeader, nameOfHeader, personName } from "../../../handlers/person-name.ts";

test.each([
  [undefined, null],
  ["", null],
  [" \t\n\u200b ", null],
  ["Anna", "Anna"],
  ["  Anna \r\n admin ", "Anna admin"],
  ["a\u202egnp.exe", "a gnp.exe"],
  ["\ud800Anna\u0000", "Anna"],
  ["é".repeat(70), "é".repeat(60)],
  ["👩".repeat(70), "👩".repeat(60)],
])("%j is written down as %j", (given, name) => {
  expect(personName(given)).toBe(name);
});

test("a name comes through a header whole", () => {
  for (const name of ["anna on the command line", "Jürgen Ä", "日本"]) {
    const [header] = Object.values(nameHeader(name));
    expect(header).toMatch(/^[\x20-\x7e]+$/);
    expect(nameOfHeader(header)).toBe(name);
  }
  expect(nameOfHeader("100% anna")).toBe("100% anna");
  expect(nameOfHeader(undefined)).toBeNull();
});
