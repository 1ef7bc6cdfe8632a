import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { GAUGES } from "../../../src/telemetry/gauges.ts";
import { createPrometheus } from "../../../src/telemetry/prometheus.ts";
import { metricsIn } from "./read-promql.ts";

type Rule = { readonly alert: string; readonly expr: string; readonly annotations?: { readonly summary?: string } };
type Panel = {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
};

const read = (file: string): string => readFileSync(new URL(`../../../deploy/${file}`, import.meta.url), "utf8");
const rules = (parse(read("prometheus/alerts.yaml")) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const { panels } = JSON.parse(read("grafana/relay.json")) as { readonly panels: readonly Panel[] };
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const));

/** Every series that is served, and `up`, which Prometheus makes itself. */
let served: ReadonlySet<string>;
beforeAll(async () => {
  const text = await createPrometheus({ version: "0", ofProcess: true }).print([]);
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name, type]) =>
    type === "histogram" ? ["bucket", "sum", "count"].map((part) => `${name}_${part}`) : [name ?? ""],
  );
  served = new Set(["up", ...Object.keys(GAUGES), ...types]);
});

describe("the alert rules", () => {
  test.each(rules.map(({ alert, expr }) => [alert, expr] as const))(
    "%s asks for metrics that there are",
    (_name, expr) => {
      const metrics = metricsIn(expr);
      expect(metrics.length).toBeGreaterThan(0);
      expect(metrics.filter((name) => !served.has(name))).toEqual([]);
    },
  );

  test("have a name each, and say what is wrong", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    expect(rules.filter(({ annotations }) => !annotations?.summary)).toEqual([]);
  });
});

describe("the dashboard", () => {
  test.each(queries)("%s asks for metrics that there are", (_title, expr) => {
    expect(metricsIn(expr).filter((name) => !served.has(name))).toEqual([]);
  });

  test("shows every metric of the relay", () => {
    const shown = new Set(
      queries.flatMap(([, expr]) => metricsIn(expr)).map((name) => name.replace(/_(bucket|sum|count)$/, "")),
    );
    const own = [...served]
      .filter((name) => name.startsWith("relay_"))
      .map((name) => name.replace(/_(bucket|sum|count)$/, ""));
    const without = [
      "relay_build_info",
      "relay_pressure",
      "relay_scrape_errors_total",
      "relay_source_failing",
      "relay_source_unchecked",
    ];
    expect([...new Set(own)].filter((name) => !shown.has(name)).toSorted()).toEqual(without);
  });

  test("has panels with an id and a place of their own, none beyond the edge", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x},${y}`)).size).toBe(panels.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });
});

test.each([
  ["sum(rate(relay_runs[5m])", "not closed"],
  ["summ(relay_runs)", "no function"],
  ["relay_runs > # 5", "cannot be read"],
  ["sum(relay_runs}", "in sum"],
])("%s is no PromQL", (expression, why) => {
  expect(() => metricsIn(expression)).toThrow(why);
});
