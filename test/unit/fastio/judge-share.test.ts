import { describe, expect, test } from "vitest";
import { judgeShare } from "../../../src/fastio/judge-share.ts";

const LOCKED = { access: "link", password: "open sesame" } as const;
const NAMED = { access: "named" } as const;

describe("a share is judged by what Fast.io tells of it", () => {
  test.each([
    { what: "as it should be", told: { access: "named" }, wish: NAMED },
    { what: "narrower than it should be", told: { access: "named", hasPassword: false }, wish: LOCKED },
    { what: "a link with its password", told: { access: "link", hasPassword: true }, wish: LOCKED },
  ] as const)("$what: fine", ({ told, wish }) => {
    expect(judgeShare({ id: "4", ...told }, wish)).toEqual({ fault: undefined, doubts: [] });
  });

  test.each([
    { what: "open to everybody", told: { access: "link" }, wish: NAMED, fault: /anyone with the link/ },
    { what: "open to the organisation", told: { access: "org" }, wish: NAMED, fault: /"org" instead of "named"/ },
    { what: "open to any account", told: { access: "registered" }, wish: { access: "org" }, fault: /"registered"/ },
    {
      what: "a link without its password",
      told: { access: "link", hasPassword: false },
      wish: LOCKED,
      fault: /without its password/,
    },
    {
      what: "without a password, for nobody knows whom",
      told: { hasPassword: false },
      wish: LOCKED,
      fault: /without its password/,
    },
  ] as const)("$what: a fault", ({ told, wish, fault }) => {
    expect(judgeShare({ id: "4", ...told }, wish).fault).toMatch(fault);
  });

  test.each([
    { what: "for nobody knows whom", told: {}, wish: NAMED, doubt: /who may open/ },
    { what: "a link that may have its password", told: { access: "link" }, wish: LOCKED, doubt: /password/ },
  ] as const)("$what: a doubt", ({ told, wish, doubt }) => {
    const { fault, doubts } = judgeShare({ id: "4", ...told }, wish);
    expect(fault).toBeUndefined();
    expect(doubts).toEqual([expect.stringMatching(doubt)]);
    expect(doubts.join()).not.toContain(LOCKED.password);
  });
});
