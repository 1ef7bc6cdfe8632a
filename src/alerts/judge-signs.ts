import type { PressureReason } from "../pressure/judge-pressure.ts";
import type { AlertKind, AlertThresholds } from "../rules/alerts-schema.ts";
import { counted, spanWords as span } from "../text/figures.ts";
import type { AlertSigns } from "./signs.ts";

/** Something that is wrong now. */
export type Finding = {
  readonly kind: AlertKind;
  /** What it is about: a rule, an app, a workspace, a print of a secret. */
  readonly subject: string;
  readonly message: string;
  readonly nextAction: string;
};

type Judge = (signs: AlertSigns, thresholds: AlertThresholds, nowMs: number) => readonly Finding[];

/** Everything that is wrong by these signs. Depends on its arguments alone. */
export const judgeSigns: Judge = (signs, thresholds, nowMs) =>
  JUDGES.flatMap(([kind, judge]) => (thresholds.off.includes(kind) ? [] : judge(signs, thresholds, nowMs)));

const SEE_REPORT = "see what catch-up says of it: relay catch-up --report";

const quietSources: Judge = ({ sources, webhooks, isCatchUpOn }, { quietSource, quietWebhooks }, nowMs) => [
  ...sources
    .filter(
      ({ failingSinceMs, lastSignMs }) =>
        failingSinceMs !== null && nowMs - Math.max(failingSinceMs, lastSignMs ?? 0) >= quietSource,
    )
    .map(({ workspaceId, workspaceName, failingSinceMs, error, nextAction }) => ({
      kind: "quiet_source" as const,
      subject: workspaceId,
      message: `nothing was heard of the workspace ${workspaceName ?? workspaceId} for ${span(nowMs - (failingSinceMs ?? nowMs))}: ${error ?? "it cannot be read"}`,
      nextAction: nextAction ?? SEE_REPORT,
    })),
  ...sources
    .filter(
      ({ failingSinceMs, checkFailingSinceMs }) =>
        failingSinceMs === null && checkFailingSinceMs !== null && nowMs - checkFailingSinceMs >= quietSource,
    )
    .map(({ workspaceId, workspaceName, checkFailingSinceMs, checkError, checkNextAction }) => ({
      kind: "quiet_source" as const,
      subject: workspaceId,
      message: `the feed tells of the workspace ${workspaceName ?? workspaceId}, but what it leaves out could not be searched for since ${span(nowMs - (checkFailingSinceMs ?? nowMs))}: ${checkError ?? "searches fail"}`,
      nextAction: checkNextAction ?? SEE_REPORT,
    })),
  ...(!isCatchUpOn && webhooks.lastVerifiedMs !== null && nowMs - webhooks.lastVerifiedMs >= quietWebhooks
    ? [
        {
          kind: "quiet_source" as const,
          subject: "webhooks",
          message: `no delivery came for ${span(nowMs - webhooks.lastVerifiedMs)}, and nothing else tells of files`,
          nextAction: "see whether the webhook is still there (relay webhooks list), or set CATCH_UP=on",
        },
      ]
    : []),
];

const growingOutbox: Judge = ({ outbox }, { outboxAge }, nowMs) =>
  outbox
    .filter(({ oldestMs }) => oldestMs !== null && nowMs - oldestMs >= outboxAge)
    .map(({ what, depth, oldestMs }) => ({
      kind: "growing_outbox" as const,
      subject: what,
      message: `${counted(depth, what)} could not be handed to the queue, the oldest for ${span(nowMs - (oldestMs ?? nowMs))}`,
      nextAction: "see whether the queue's server answers (/readyz), and whether a worker does the queue upkeep",
    }));

/** What is to be done about each. */
const RELIEF: Readonly<Record<PressureReason, string>> = {
  ledger_lag: "see what keeps PostgreSQL busy, or give it faster disks; LEDGER_MAX_LAG_MS is the limit",
  outbox_size:
    "see whether the queue's server answers (/readyz), and whether workers run; OUTBOX_MAX_EVENTS is the limit",
  outbox_age:
    "see whether the queue's server answers (/readyz), and whether workers run; OUTBOX_MAX_HOURS is the limit",
  disk_full: "make room on the disk of the ledger, or move the ledger to PostgreSQL",
  queue_memory: "give Redis more memory, or start more workers; QUEUE_MAX_MEMORY_PERCENT is the limit",
};

const underPressure: Judge = ({ strains }) =>
  strains.map(({ reason, detail }) => ({
    kind: "under_pressure" as const,
    subject: reason,
    message: `${reason === "queue_memory" ? "work is kept in the ledger" : "deliveries are sent away with 503 for a while"}: ${detail}`,
    nextAction: RELIEF[reason],
  }));

const unworkedQueues: Judge = ({ unworked }, { queueUnworked }, nowMs) =>
  unworked
    .filter(({ sinceMs }) => nowMs - sinceMs >= queueUnworked)
    .map(({ name, sinceMs }) => ({
      kind: "queue_unworked" as const,
      subject: name,
      message: `no process has worked on the queue ${name} for ${span(nowMs - sinceMs)}`,
      nextAction: `start one: relay work --queues ${name}, or relay work for all queues`,
    }));

const failingRules: Judge = ({ ended }, { failingShare, failingRuns, failingWithin }) =>
  ended
    .filter(({ failed, all }) => all >= failingRuns && (100 * failed) / all >= failingShare)
    .map(({ ruleName, failed, all }) => ({
      kind: "failing_rule" as const,
      subject: ruleName,
      message: `${failed} of the ${all} runs of the rule ${ruleName} that ended within ${span(failingWithin)} failed (${percent(failed, all)})`,
      nextAction: `see why: /runs?status=failed, or relay runs list; pause it meanwhile: relay rules pause ${ruleName}`,
    }));

const pausedRules: Judge = ({ paused }) =>
  paused.map(({ ruleName, reason, nextAction }) => ({
    kind: "rule_paused" as const,
    subject: ruleName,
    message: `the relay paused the rule ${ruleName}: ${reason ?? "no reason given"}`,
    nextAction: `${nextAction?.replace(/\.$/, "") ?? "mend what it says"}; then relay rules resume ${ruleName}`,
  }));

const budgetsReached: Judge = ({ budgets }) =>
  budgets.map(({ ruleName, what, used, most }) => ({
    kind: "budget_reached" as const,
    subject: ruleName,
    message: `the rule ${ruleName} has used its ${what} of today: ${used} of ${most}`,
    nextAction: "its further runs are held until midnight (UTC); raise limit in the rules file to let them go on",
  }));

const unusedSecrets: Judge = ({ secrets: [newest, ...older] }, { secretUnused }, nowMs) => {
  const inUse = newest?.lastSeenMs ?? null;
  if (inUse === null || nowMs - inUse >= secretUnused) return [];
  return older
    .filter(({ lastSeenMs, supersededMs }) => nowMs - Math.max(lastSeenMs ?? 0, supersededMs ?? nowMs) >= secretUnused)
    .map(({ print }) => ({
      kind: "secret_unused" as const,
      subject: print,
      message: `no delivery was signed with the older secret ${print}… for ${span(secretUnused)}, and some were with the newest`,
      nextAction:
        "if no webhook is left that signs with it (relay webhooks list), take it out of FASTIO_WEBHOOK_SECRETS or the file: a secret that nobody needs can only leak",
    }));
};

const changedSignatures: Judge = ({ signatures }, { signatureChanged }, nowMs) =>
  signatures
    .filter(({ changedAtMs }) => changedAtMs !== null && nowMs - changedAtMs < signatureChanged)
    .map(({ print, from, to }) => ({
      kind: "signature_changed" as const,
      subject: print,
      message: `deliveries under the secret ${print}… are signed in another way than before: ${to} instead of ${from}`,
      nextAction: "if Fast.io did not announce it, rotate the secret: relay webhooks rotate",
    }));

const appsDown: Judge = ({ apps }, { appDownTries }) =>
  apps
    .filter(({ tries, deliveredLately }) => tries >= appDownTries && deliveredLately === 0)
    .map(({ app, stuck, tries, keys, error }) => ({
      kind: "app_down" as const,
      subject: app,
      message: `the Dify app ${keys.length > 0 ? `of ${keys.join(", ")} ` : ""}(${app}) does not answer: ${counted(stuck, "run")} tried up to ${tries} times, last ${error}`,
      nextAction: "see whether Dify is up; runs go on by themselves when it is: relay doctor tells more",
    }));

const percent = (part: number, all: number): string => `${Math.round((100 * part) / all)} %`;

const JUDGES: readonly (readonly [AlertKind, Judge])[] = [
  ["app_down", appsDown],
  ["rule_paused", pausedRules],
  ["failing_rule", failingRules],
  ["under_pressure", underPressure],
  ["growing_outbox", growingOutbox],
  ["queue_unworked", unworkedQueues],
  ["quiet_source", quietSources],
  ["budget_reached", budgetsReached],
  ["signature_changed", changedSignatures],
  ["secret_unused", unusedSecrets],
];
