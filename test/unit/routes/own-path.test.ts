import fc from "fast-check";
import { expect, test } from "vitest";
import { ownPath } from "../../../src/routes/own-path.ts";

test.each([
  ["/", "/"],
  ["/runs?status=failed&before=1-a", "/runs?status=failed&before=1-a"],
  ["/runs?about=a%20b%2Fc", "/runs?about=a%20b%2Fc"],
  ["/runs?token=secret&status=failed", "/runs?status=failed"],
  ["/runs/../rules", "/rules"],
])("%s leads to %s", (wanted, path) => {
  expect(ownPath(wanted)).toBe(path);
});

test.each([
  undefined,
  "",
  "runs",
  "https://evil.example/",
  "//evil.example",
  "///evil.example",
  "/\\evil.example",
  "\\\\evil.example",
  "/\t/evil.example",
  "/\n/evil.example",
  "/.//evil.example",
  "/a/..//evil.example",
  "/%2e//evil.example",
  "javascript:alert(1)",
  "/login",
  "/login?next=/login",
  "/logout",
  "//[",
])("%j leads to the overview", (wanted) => {
  expect(ownPath(wanted)).toBe("/");
});

test("whatever is asked for, a browser that follows it stays with us", () => {
  const part = fc.constantFrom("/", "\\", ".", "..", "\t", "\n", "@", ":", "?", "#", "%2f", "%5c", "evil.example", "a");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const own = "https://relay.example.com";
      expect(new URL(ownPath(parts.join("")), own).origin).toBe(own);
    }),
  );
});
