import { expect, test } from "vitest";
import { castFor, type PlanWish, planStrikes, STORES } from "../../chaos/suite/plan.ts";
import { UPSTREAM_ILLS } from "../../chaos/suite/upstream-ills.ts";

const wish: PlanWish = { seed: "one", store: "redis", forMs: 600_000, everyMs: 1_000 };

test("the same seed gives the same plan, another one another", () => {
  expect(planStrikes(wish)).toEqual(planStrikes(wish));
  expect(planStrikes({ ...wish, seed: "two" })).not.toEqual(planStrikes(wish));
});

test.each(STORES)("on %s nobody is struck who does not play, and nobody twice at a time in the same way", (store) => {
  const { relays, servers, lines } = castFor(store);
  const strikes = planStrikes({ ...wish, store });
  const untilMs = new Map<string, number>();
  for (const { ill, target, atMs, forMs } of strikes) {
    const [name = ""] = target.split(/ (?:up|down)$/);
    const known = [...relays, ...servers, ...lines, "all relays", ...UPSTREAM_ILLS.map((one) => one.name)];
    expect(known).toContain(name);
    const kind = ["kill", "stop"].includes(ill) ? "life" : ["cut", "refuse"].includes(ill) ? "listen" : ill;
    expect(untilMs.get(`${kind} ${target}`) ?? -1).toBeLessThan(atMs);
    untilMs.set(`${kind} ${target}`, atMs + forMs);
    expect(atMs + forMs).toBeLessThanOrEqual(wish.forMs);
  }
});

test("in a long run each ill comes about, and each upstream fails in each of its ways", () => {
  const strikes = planStrikes(wish);
  expect(new Set(strikes.map(({ ill }) => ill))).toEqual(
    new Set("kill stop latency limit slicer half-open reset cut refuse fill flush clock fastio dify".split(" ")),
  );
  const ways = strikes
    .filter(({ ill }) => ill === "fastio" || ill === "dify")
    .map(({ ill, target }) => `${ill} ${target}`);
  expect(new Set(ways)).toEqual(new Set(UPSTREAM_ILLS.map(({ at, name }) => `${at} ${name}`)));
});
