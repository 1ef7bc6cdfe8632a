import { expect, test } from "vitest";
import { wrapWords } from "../../../src/text/wrap-words.ts";

test("prose is broken at blanks, and further lines are indented", () => {
  expect(wrapWords("→ set it, or let relay init ask for it", 20, "  ")).toEqual([
    "→ set it, or let",
    "  relay init ask for",
    "  it",
  ]);
});

test("an address that is wider than the terminal stays whole", () => {
  const address = "https://relay.example.com/shared/a-long-address";
  expect(wrapWords(`see ${address} for it`, 20)).toEqual(["see", address, "for it"]);
});

test.each([1, 7, 20, 33, 80])("at %i columns no word is lost, and none is added", (columns) => {
  const text = "  two blanks before,  two within, and the end.";
  expect(wrapWords(text, columns, "    ").join(" ").split(/ +/).join(" ")).toBe(text.split(/ +/).join(" "));
});

test("what fits stays as it is, and so do blanks before it", () => {
  expect(wrapWords("  a  b", 6)).toEqual(["  a  b"]);
  expect(wrapWords("", 10)).toEqual([""]);
});

test("colours take no room", () => {
  expect(wrapWords("\u001b[31mFAILED\u001b[39m rules", 12)).toEqual(["\u001b[31mFAILED\u001b[39m rules"]);
});
