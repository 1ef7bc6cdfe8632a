import { describe, expect, test } from "vitest";
import { planIncidents } from "../../soak/faults.ts";
import { parseOptions } from "../../soak/options.ts";
import { createDropPlan } from "../../soak/plan-drops.ts";
import { createSeeded } from "../../soak/seeded.ts";

const HOUR_MS = 3_600_000;

describe("the options", () => {
  test("an hour on Redis and PostgreSQL writes the report, and the figures beside it", () => {
    expect(parseOptions([])).toMatchObject({
      kind: "soak",
      options: { minutes: 60, store: "redis + postgres", report: "docs/proof/soak.md", json: "docs/proof/soak.json" },
    });
  });

  test("a trial leaves the report of the last soak alone, unless it is told where to write", () => {
    expect(parseOptions(["--minutes", "2"])).toMatchObject({ options: { report: undefined, json: undefined } });
    expect(parseOptions(["--minutes", "2", "--report", "here.md"])).toMatchObject({
      options: { report: "here.md", json: "here.json" },
    });
  });

  test.each([
    { args: ["--minutes", "0"] },
    { args: ["--minutes", "soon"] },
    { args: ["--rate", "-1"] },
    { args: ["--store", "mysql"] },
    { args: ["--color"] },
  ])("$args is wrong, and told why", ({ args }) => {
    expect(parseOptions(args)).toMatchObject({ kind: "wrong", why: expect.stringMatching(/--/) });
  });

  test("help is no soak", () => {
    expect(parseOptions(["--help"])).toEqual({ kind: "help" });
  });
});

describe("the drops", () => {
  const plan = (seed: string) => {
    const next = createDropPlan({
      random: createSeeded(seed),
      settled: () => ({ folder: "/Inbox/1", name: "an earlier one.csv" }),
    });
    return Array.from({ length: 1_000 }, next);
  };

  test("are the same for the same seed, and others for another", () => {
    expect(plan("a").map(({ sha256 }) => sha256)).toEqual(plan("a").map(({ sha256 }) => sha256));
    expect(plan("a")[0]?.sha256).not.toBe(plan("b")[0]?.sha256);
  });

  test("no two have the same content, so that each is known again", () => {
    expect(new Set(plan("a").map(({ sha256 }) => sha256)).size).toBe(1_000);
  });

  test("have new versions and files that no rule takes among them", () => {
    const drops = plan("a");
    const parts = [drops.filter(({ isVersion }) => isVersion), drops.filter(({ isTaken }) => !isTaken)];
    for (const part of parts) {
      expect(part.length).toBeGreaterThan(40);
      expect(part.length).toBeLessThan(160);
    }
    for (const { folder, isTaken } of drops) expect(folder.startsWith("/Inbox/")).toBe(isTaken);
  });
});

describe("the incidents", () => {
  const lines = ["fastio", "dify", "postgres", "redis", "receiver"] as const;

  test("cut each line again and again, and leave the end quiet", () => {
    const plan = planIncidents(lines, HOUR_MS, createSeeded("a"));
    for (const line of lines) {
      const cuts = plan.filter(({ incident }) => incident.kind === "cut" && incident.line === line);
      expect(cuts.length).toBeGreaterThan(5);
    }
    expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    expect(plan.at(-1)?.atMs).toBeLessThan(HOUR_MS - 5_000);
    for (const { incident } of plan) if ("ms" in incident) expect(incident.ms).toBeLessThanOrEqual(10_000);
  });

  test("a trial of a minute has none", () => {
    expect(planIncidents(lines, 60_000, createSeeded("a"))).toEqual([]);
  });
});
