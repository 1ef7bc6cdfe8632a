import { expect, test } from "vitest";
import { withoutEnd, withoutEndSlashes } from "../../../src/text/without-end.ts";

test("what stands at the end goes, what stands elsewhere stays", () => {
  expect(withoutEnd(". a. b . .", /[. ]/)).toBe(". a. b");
  expect(withoutEnd("...", /\./)).toBe("");
  expect(withoutEndSlashes("https://example.com/v1//")).toBe("https://example.com/v1");
  expect(withoutEndSlashes("/")).toBe("");
});

test("a million slashes before a letter stay, at once", () => {
  const path = `${"/".repeat(1_000_000)}a`;

  expect(withoutEndSlashes(path)).toBe(path);
});
