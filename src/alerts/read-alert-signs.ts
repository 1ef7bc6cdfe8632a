import type { Clock } from "../clock.ts";
import { NOTHING_OUTSTANDING, readOutstanding } from "../ledger/backlog.ts";
import { dayOf, listRuleUsage, reachedLimit } from "../ledger/budgets.ts";
import { lastWebhookEvents } from "../ledger/gap-report.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { countEndedRuns } from "../ledger/overview-queries.ts";
import { listProcesses } from "../ledger/processes.ts";
import { listPullStates } from "../ledger/pull-states.ts";
import { listRuleStates } from "../ledger/rule-state-queries.ts";
import { listSignaturePins, wayOf } from "../ledger/signature-pins.ts";
import { listStuckApps } from "../ledger/stuck-apps.ts";
import type { Strain } from "../pressure/judge-pressure.ts";
import { workedQueues } from "../processes/worked-queues.ts";
import type { AlertThresholds } from "../rules/alerts-schema.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { meansWorkspace } from "../rules/same-id.ts";
import type { AlertSigns } from "./signs.ts";

export type AlertSignsDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly rules: () => readonly CompiledRule[];
  /** Names the app whose key is in a variable. */
  readonly appOf: (keyVariable: string) => string;
  /** Prints of the secrets that are live, newest first. */
  readonly secretPrints: () => readonly string[];
  readonly isCatchUpOn: boolean;
  /** Limits that this process sees passed. */
  readonly strains: () => readonly Strain[];
  /** Whether some work may wait to be handed to its queue. */
  readonly isBusy: () => boolean;
};

/** An app that delivered something so lately is not down; no window of the thresholds is shorter. */
const LATELY_MS = 300_000;

/** Looks at everything once. Each part reads unfinished work, or a window of time, by an index. */
export async function readAlertSigns(deps: AlertSignsDeps, thresholds: AlertThresholds): Promise<AlertSigns> {
  const { db, clock, isCatchUpOn } = deps;
  const nowMs = clock.now();
  const rules = deps.rules();
  const waiting = deps.isBusy() ? await readOutstanding(db, nowMs) : NOTHING_OUTSTANDING;
  const states = await listRuleStates(db);
  const pins = await listSignaturePins(db);
  const ended = await countEndedRuns(db, nowMs - thresholds.failingWithin, nowMs - LATELY_MS);
  const live = deps.secretPrints().map((print) => ({ print, pin: pins.find((one) => one.secretPrint === print) }));
  return {
    sources: await readQuietSources(db, rules, nowMs - thresholds.quietSource),
    isCatchUpOn,
    webhooks: { lastVerifiedMs: latestOf(pins.map(({ lastSeenMs }) => lastSeenMs)) },
    outbox: [
      { what: "event", ...waiting.events },
      { what: "run", ...waiting.runs },
    ],
    strains: deps.strains(),
    unworked: workedQueues(await listProcesses(db), nowMs).flatMap(({ name, unworkedSinceMs: sinceMs }) =>
      sinceMs === null ? [] : [{ name, sinceMs }],
    ),
    ended: sumByRule(ended),
    paused: [...states.values()].filter(({ state, changedBy }) => state === "paused" && changedBy === "relay"),
    budgets: await readBudgets(db, rules, nowMs),
    secrets: live.map(({ print, pin }) => ({
      print,
      lastSeenMs: pin?.lastSeenMs ?? null,
      supersededMs: live[0]?.pin?.firstSeenMs ?? null,
    })),
    signatures: pins.map((pin) => ({
      print: pin.secretPrint,
      changedAtMs: pin.changedAtMs,
      from: wayOf(pin.previousScheme, pin.previousKeyForm),
      to: wayOf(pin.scheme, pin.keyForm),
    })),
    apps: (await listStuckApps(db)).map((app) => ({
      ...app,
      keys: keysOf(rules, deps.appOf, app.app),
      deliveredLately: ended
        .filter((one) => one.app === app.app && one.isRecent && one.status === "delivered")
        .reduce((sum, { count }) => sum + count, 0),
    })),
  };
}

const latestOf = (times: readonly (number | null)[]): number | null => {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.max(...known);
};

const keysOf = (rules: readonly CompiledRule[], appOf: AlertSignsDeps["appOf"], app: string): readonly string[] => [
  ...new Set(rules.map(({ rule }) => rule.run.keyVariable).filter((variable) => appOf(variable) === app)),
];

/** Workspaces that a rule names and catch-up cannot read, or check, with what webhooks told of them since. */
async function readQuietSources(
  db: Db,
  rules: readonly CompiledRule[],
  sinceMs: number,
): Promise<AlertSigns["sources"]> {
  const failing = (await listPullStates(db)).filter(
    ({ failingSinceMs, checkFailingSinceMs, workspaceId, workspaceName }) =>
      (failingSinceMs !== null || checkFailingSinceMs !== null) &&
      rules.some(({ rule: { when } }) => meansWorkspace(when.workspace, workspaceId, [workspaceName])),
  );
  const heard = await lastWebhookEvents(
    db,
    failing.map(({ workspaceId }) => workspaceId),
    sinceMs,
  );
  return failing.map(({ errorMessage, checkErrorMessage, ...state }) => ({
    ...state,
    lastSignMs: latestOf([state.pulledAtMs, heard.get(state.workspaceId) ?? null]),
    error: errorMessage,
    checkError: checkErrorMessage,
  }));
}

async function readBudgets(db: Db, rules: readonly CompiledRule[], nowMs: number): Promise<AlertSigns["budgets"]> {
  const limited = rules.filter(({ rule }) => rule.limit !== undefined);
  if (limited.length === 0) return [];
  const usage = await listRuleUsage(db, dayOf(nowMs));
  return limited.flatMap(({ rule: { name, limit } }) => {
    const used = usage.find(({ ruleName }) => ruleName === name);
    const what = used && limit && reachedLimit(used, limit);
    if (!what) return [];
    const most = what === "runs" ? limit.runsPerDay : limit.tokensPerDay;
    return [{ ruleName: name, what, used: used[what], most: most ?? 0 }];
  });
}

function sumByRule(ended: Awaited<ReturnType<typeof countEndedRuns>>): AlertSigns["ended"] {
  const sums = new Map<string, { failed: number; all: number }>();
  for (const { ruleName, status, count } of ended) {
    if (status !== "failed" && status !== "delivered") continue;
    const sum = sums.get(ruleName) ?? { failed: 0, all: 0 };
    sum.all += count;
    if (status === "failed") sum.failed += count;
    sums.set(ruleName, sum);
  }
  return [...sums].map(([ruleName, sum]) => ({ ruleName, ...sum }));
}
