import { describe, expect, test } from "vitest";
import { createAccess, isEnough, whoOf } from "../../../handlers/access.ts";
import { SESSION_MS } from "../../../handlers/sessions.ts";

const NOW_MS = 1_764_000_000_000;
const TOKENS = [
  { role: "viewer", token: "the token of viewers" },
  { role: "operator", token: "the token of operators" },
  { role: "admin", token: "the token of admins" },
] as const;
const access = createAccess(TOKENS);

test.each([
  ["viewer", "viewer", true],
  ["viewer", "operator", false],
  ["operator", "viewer", true],
  ["operator", "admin", false],
  ["admin", "operator", true],
] as const)("a %s may do what needs a %s: %s", (role, needed, may) => {
  expect(isEnough(role, needed)).toBe(may);
});

test.each(TOKENS)("the token of a $role is known as that", ({ role, token }) => {
  expect(access.findToken(token)?.role).toBe(role);
});

test.each(["", "the token of viewer", "the token of viewers ", "THE TOKEN OF VIEWERS"])("%j opens nothing", (token) => {
  expect(access.findToken(token)).toBeUndefined();
});

test("without tokens nobody gets in, whatever they present", () => {
  const closed = createAccess([]);
  expect(closed.isConfigured).toBe(false);
  expect(closed.findToken("")).toBeUndefined();
});

test("a token given to two roles has the higher one", () => {
  for (const roles of [["operator", "viewer"] as const, ["viewer", "operator"] as const]) {
    const both = createAccess(roles.map((role) => ({ role, token: "one token for both" })));
    expect(both.findToken("one token for both")?.role).toBe("operator");
  }
});

test("who did something is a role, with a name where there is one", () => {
  expect(whoOf({ role: "operator", name: "anna" })).toBe("operator anna");
  expect(whoOf({ role: "admin", name: null })).toBe("admin");
});

describe("a login", () => {
  const open = (token: string, name: string | null = "Änna. <b>", from = access): string => {
    const known = from.findToken(token);
    if (!known) throw new Error("no token");
    return from.openSession(known, name, NOW_MS);
  };
  const cookie = open("the token of operators");

  test("is known with role and name until its end", () => {
    expect(access.findSession(cookie, NOW_MS)).toEqual({ role: "operator", name: "Änna. <b>" });
    expect(access.findSession(cookie, NOW_MS + SESSION_MS - 1)).toMatchObject({ role: "operator" });
    expect(access.findSession(cookie, NOW_MS + SESSION_MS)).toBeUndefined();
    expect(access.findSession(open("the token of viewers", null), NOW_MS)).toEqual({ role: "viewer", name: null });
  });

  test("is known to another process with that token alone, and not where it has another role or is gone", () => {
    const token = "the token of operators";
    expect(createAccess([{ role: "operator", token }]).findSession(cookie, NOW_MS)).toMatchObject({ role: "operator" });
    expect(createAccess([{ role: "viewer", token }]).findSession(cookie, NOW_MS)).toBeUndefined();
    expect(createAccess([{ role: "operator", token: `${token}2` }]).findSession(cookie, NOW_MS)).toBeUndefined();
    expect(createAccess([]).findSession(cookie, NOW_MS)).toBeUndefined();
  });

  test("with any character changed is none", () => {
    for (let at = 0; at < cookie.length; at += 1) {
      for (const other of ["A", "b", "."]) {
        if (cookie[at] === other) continue;
        const changed = cookie.slice(0, at) + other + cookie.slice(at + 1);
        const found = access.findSession(changed, NOW_MS);
        // The last digit of base64 holds bits that mean nothing.
        if (at < cookie.length - 1) expect(found).toBeUndefined();
        else if (found) expect(found).toEqual({ role: "operator", name: "Änna. <b>" });
      }
    }
  });

  test("cannot be put together from two others", () => {
    const [print, end, , signature] = cookie.split(".");
    const [, , name] = open("the token of operators", "Otto").split(".");
    expect(access.findSession([print, end, name, signature].join("."), NOW_MS)).toBeUndefined();
    const [viewer] = open("the token of viewers").split(".");
    expect(access.findSession([viewer, end, name, signature].join("."), NOW_MS)).toBeUndefined();
  });

  test.each(["", ".", "....", "x".repeat(10_000), "a.b.c.d", `${"A".repeat(16)}.zzz..${"A".repeat(43)}`])(
    "%j is none",
    (value) => {
      expect(access.findSession(value, NOW_MS)).toBeUndefined();
    },
  );
});
