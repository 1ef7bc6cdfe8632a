import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import { listAppStates } from "../src/ledger/app-states.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { countOpenRuns, listAppsNow } from "../src/ledger/overview-queries.ts";
import type { LiveRules } from "../src/rules/live-rules.ts";
import { Open } from "./overview-schemas.ts";
import { sumOpen } from "./sum-runs.ts";
import type { Told } from "./told.ts";

const AppStory = z
  .object({
    app: z.string().describe("The first 12 hex digits of the SHA-256 of its key"),
    variables: z
      .array(z.string())
      .describe("Variables of rules in force that hold its key; empty for one that only the ledger remembers"),
    rules: z.array(z.string()),
    state: z.enum(["active", "paused"]),
    reason: z.string().nullable(),
    changedBy: z.string().nullable(),
    sinceMs: z.int().nullable(),
    slots: z.int().nullable().describe("Workflow runs it is given at a time; null: it was never asked"),
    taken: z.int().describe("Slots that are taken"),
    open: Open,
    restsUntilMs: z.int().nullable().describe("It refused, and is asked again then; null: it may be asked"),
  })
  .meta({ id: "AppStory" });
/** One Dify app, and how it fares. */
export type AppStory = Told<typeof AppStory>;

export const AppList = z.object({ apps: z.array(AppStory) }).meta({ id: "AppList" });
export type AppList = Told<typeof AppList>;

export type ReadApps = () => Promise<AppList>;

export type AppNames = {
  readonly rules: Pick<LiveRules, "now">;
  /** Names the app whose key is in this variable, without telling the key. */
  readonly appOf: (keyVariable: string) => string;
};

/** The apps of the rules in force, in their order, and behind them those that only the ledger knows. */
export const createReadApps =
  ({ db, clock, ...names }: AppNames & { readonly db: Db; readonly clock: Clock }): ReadApps =>
  async () => {
    const used = appsInUse(names);
    const [states, now, open] = await Promise.all([listAppStates(db), listAppsNow(db, clock.now()), countOpenRuns(db)]);
    const apps = new Set([...used.keys(), ...now.map(({ app }) => app), ...states.keys()]);
    return {
      apps: [...apps].map((app) => {
        const state = states.get(app);
        const limit = now.find((one) => one.app === app);
        return {
          app,
          variables: [...(used.get(app)?.variables ?? [])],
          rules: used.get(app)?.rules ?? [],
          state: state?.state ?? "active",
          reason: state?.reason ?? null,
          changedBy: state?.changedBy ?? null,
          sinceMs: state?.sinceMs ?? null,
          slots: limit?.slots ?? null,
          taken: limit?.atWork ?? 0,
          open: sumOpen(open.filter((one) => one.app === app)),
          restsUntilMs: limit?.restUntilMs ?? null,
        };
      }),
    };
  };

/** Which variables and rules stand for each app. */
export function appsInUse({ rules, appOf }: AppNames) {
  const apps = new Map<string, { readonly variables: Set<string>; readonly rules: string[] }>();
  for (const { rule } of rules.now().rules) {
    const app = appOf(rule.run.keyVariable);
    const known = apps.get(app) ?? { variables: new Set(), rules: [] };
    known.variables.add(rule.run.keyVariable);
    known.rules.push(rule.name);
    apps.set(app, known);
  }
  return apps;
}
