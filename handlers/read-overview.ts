import type { Clock } from "../src/clock.ts";
import { listAppStates } from "../src/ledger/app-states.ts";
import { listRuns } from "../src/ledger/list-runs.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import {
  type AppNow,
  countEndedRuns,
  countHeldRuns,
  countOpenRuns,
  type EndedRuns,
  listAppsNow,
  listFailedRuns,
  listPausedRuns,
  type OpenRuns,
  readBacklog,
} from "../src/ledger/overview-queries.ts";
import { listRuleStates } from "../src/ledger/rule-state-queries.ts";
import type { CompiledRule } from "../src/rules/compile-rules.ts";
import type { AppOverview, Overview, RuleOverview } from "./overview-schemas.ts";
import { summarise } from "./read-runs.ts";
import { type ReadSourceReport, SourcesQuery } from "./read-sources.ts";
import { drainMsOf, longestOf, sumEnded, sumOpen } from "./sum-runs.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Runs of each kind that the overview names; the list of runs has all. */
const NAMED = 10;

export type ReadOverview = () => Promise<Overview>;

export type ReadOverviewDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly rules: () => readonly CompiledRule[];
  /** Names the app whose key is in a variable. */
  readonly appOf: (keyVariable: string) => string;
  readonly readSources: ReadSourceReport;
};

/** Everything is found by an index: how much has ended long ago does not matter. */
export const createReadOverview =
  ({ db, clock, rules, appOf, readSources }: ReadOverviewDeps): ReadOverview =>
  async () => {
    const nowMs = clock.now();
    const sinceMs = nowMs - DAY_MS;
    const [open, ended, holds, states, appStates, appsNow, backlog, paused, failed, latest, sources] =
      await Promise.all([
        countOpenRuns(db),
        countEndedRuns(db, sinceMs, nowMs - HOUR_MS),
        countHeldRuns(db),
        listRuleStates(db),
        listAppStates(db),
        listAppsNow(db, nowMs),
        readBacklog(db),
        listPausedRuns(db, NAMED),
        listFailedRuns(db, sinceMs, NAMED),
        listRuns(db, {}, NAMED),
        readSources(SourcesQuery.parse({})),
      ]);
    const keys = keysByApp(rules(), appOf);
    const apps = tellApps({ open, ended, appsNow, keys });
    const pausedRules = [...states.values()].filter(({ state }) => state === "paused");
    const isPaused = (name: string): boolean => pausedRules.some(({ ruleName }) => ruleName === name);
    return {
      readAtMs: nowMs,
      open: sumOpen(open),
      ...sumEnded(ended),
      drainMs: longestOf(apps.map(({ drainMs }) => drainMs)),
      backlog,
      apps,
      rules: tellRules({ open, ended, inForce: rules().map(({ rule }) => rule.name), isPaused }),
      pausedRules: pausedRules.map(({ ruleName: name, reason, nextAction, changedBy, sinceMs: since }) => ({
        name,
        reason,
        nextAction,
        changedBy,
        sinceMs: since,
      })),
      pausedApps: [...appStates.values()]
        .filter(({ state }) => state === "paused")
        .map(({ state: _paused, ...app }) => ({ ...app, keys: keys.get(app.app) ?? [] })),
      holds,
      waitForPeople: paused.map(summarise),
      failedLately: failed.map(summarise),
      latest: latest.map(summarise),
      sources,
    };
  };

function keysByApp(
  rules: readonly CompiledRule[],
  appOf: ReadOverviewDeps["appOf"],
): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, readonly string[]>();
  for (const variable of new Set(rules.map(({ rule }) => rule.run.keyVariable))) {
    const app = appOf(variable);
    keys.set(app, [...(keys.get(app) ?? []), variable]);
  }
  return keys;
}

/** Apps that rules name, that runs wait for or that worked lately; the rest of the past is of no interest. */
function tellApps(of: {
  readonly open: readonly OpenRuns[];
  readonly ended: readonly EndedRuns[];
  readonly appsNow: readonly AppNow[];
  readonly keys: ReadonlyMap<string, readonly string[]>;
}): readonly AppOverview[] {
  const used = [...of.open, ...of.ended].flatMap(({ app }) => app ?? []);
  return [...new Set([...of.keys.keys(), ...used])].map((app) => {
    const open = of.open.filter((one) => one.app === app);
    const ended = of.ended.filter((one) => one.app === app);
    const now = of.appsNow.find((one) => one.app === app);
    return {
      app,
      keys: of.keys.get(app) ?? [],
      slots: now?.slots ?? null,
      taken: now?.atWork ?? 0,
      restUntilMs: now?.restUntilMs ?? null,
      ...sumOpen(open),
      ...sumEnded(ended),
      drainMs: drainMsOf(open, ended, now?.slots),
    };
  });
}

function tellRules(of: {
  readonly open: readonly OpenRuns[];
  readonly ended: readonly EndedRuns[];
  readonly inForce: readonly string[];
  readonly isPaused: (name: string) => boolean;
}): readonly RuleOverview[] {
  const used = [...of.open, ...of.ended].map(({ ruleName }) => ruleName);
  return [...new Set([...of.inForce, ...used])].map((name) => ({
    name,
    isInForce: of.inForce.includes(name),
    isPaused: of.isPaused(name),
    ...sumOpen(of.open.filter(({ ruleName }) => ruleName === name)),
    ...sumEnded(of.ended.filter(({ ruleName }) => ruleName === name)),
  }));
}
