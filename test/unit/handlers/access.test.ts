import { expect, test } from "vitest";
import { createAccess } from "../../../handlers/access.ts";

const check = createAccess([
  { role: "viewer", token: "the token of viewers" },
  { role: "operator", token: "the token of operators" },
  { role: "admin", token: "the token of admins" },
]);

test.each([
  ["the token of viewers", "viewer", { kind: "allowed", role: "viewer" }],
  ["the token of viewers", "operator", { kind: "forbidden", role: "viewer" }],
  ["the token of operators", "viewer", { kind: "allowed", role: "operator" }],
  ["the token of operators", "admin", { kind: "forbidden", role: "operator" }],
  ["the token of admins", "operator", { kind: "allowed", role: "admin" }],
] as const)("%s, where a %s is needed: $kind", (token, needed, verdict) => {
  expect(check(token, needed)).toEqual(verdict);
});

test.each([undefined, "", "the token of viewer", "the token of viewers ", "THE TOKEN OF VIEWERS"])(
  "%j opens nothing",
  (token) => {
    expect(check(token, "viewer")).toEqual({ kind: "unknown" });
  },
);

test("without tokens nobody gets in, whatever they present", () => {
  const closed = createAccess([]);
  expect(closed(undefined, "viewer")).toEqual({ kind: "unconfigured" });
  expect(closed("", "viewer")).toEqual({ kind: "unconfigured" });
});

test("a token given to two roles has the higher one", () => {
  const both = createAccess([
    { role: "operator", token: "one token for both" },
    { role: "viewer", token: "one token for both" },
  ]);
  expect(both("one token for both", "operator")).toEqual({ kind: "allowed", role: "operator" });
});
