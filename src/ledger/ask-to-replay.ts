import { storageOfDelivery } from "../rules/delivery-storage.ts";
import type { Rule } from "../rules/rule.ts";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { isDeliverable, type Replayed, type ReplayPlan, replayRun } from "./replay-run.ts";
import type { ReplayVersion, RunRow, RunStatus } from "./schema.ts";

/** Where a replay learns what the newest version is. */
export type NewestVersions = {
  /** The rule as the rules file has it now; undefined when it has it no more. */
  readonly ruleNow: (ruleName: string) => Rule | undefined;
  /** Names the app whose key is in this variable, without telling the key. */
  readonly appOf: (keyVariable: string) => string;
};

export type ReplayWish = {
  /**
   * `newest`: by the rule as the file has it now, and the workflow that is published. `same`: by the rule as the run had
   * it, and the version of the workflow that ran, where Dify told it.
   */
  readonly version: ReplayVersion;
  /** `generation` of the run as who asks saw it: a run that somebody has let begin again since is left alone. */
  readonly seen?: number | undefined;
  readonly actor: string;
  readonly reason: string | null;
  /** What the wish is part of, as it is written down. */
  readonly detail?: Readonly<Record<string, unknown>>;
};

export type ReplayAsked =
  /** @param note what could not be had of the version that was asked for; null: all of it */
  | (Replayed & { readonly run: string; readonly note: string | null })
  | { readonly kind: "unknown_run" }
  | { readonly kind: "not_ended"; readonly status: RunStatus }
  /** It has begun again since who asks saw it. */
  | { readonly kind: "begun_since"; readonly run: string; readonly status: RunStatus }
  /** What stands in Fast.io already cannot be brought up to date by the rule as it is now. */
  | { readonly kind: "rule_differs"; readonly message: string };

/** Lets a run begin again, and writes down who wanted it and why, in one transaction. */
export function askToReplay(
  db: Db,
  id: string,
  { version, seen, actor, reason, detail }: ReplayWish,
  { ruleNow, appOf }: NewestVersions,
  nowMs: number,
): Promise<ReplayAsked> {
  return db.transaction(async (tx) => {
    let note: string | null = null;
    const outcome = await replayRun<Extract<ReplayAsked, { kind: "begun_since" | "rule_differs" }>>(
      tx,
      id,
      nowMs,
      (run) => {
        if (seen !== undefined && seen !== run.generation) return { kind: "begun_since", run: id, status: run.status };
        if (version === "same") {
          note = run.workflowVersionId === null && !isDeliverable(run) ? UNTOLD_VERSION : null;
          return { ...planFor(run.rule, appOf), pinnedVersionId: run.workflowVersionId };
        }
        const rule = ruleNow(run.ruleName);
        if (!rule) note = RULE_GONE;
        const message = rule && whyUnfit(run, rule);
        return message === undefined
          ? { ...planFor(rule ?? run.rule, appOf), pinnedVersionId: null }
          : { kind: "rule_differs", message };
      },
    );
    if (outcome.kind === "not_ended") {
      const { status, generation } = outcome;
      const isKnown = seen === undefined || seen === generation;
      return isKnown ? { kind: "not_ended", status } : { kind: "begun_since", run: id, status };
    }
    if (outcome.kind !== "replayed") return outcome;
    await recordOperatorAction(tx, {
      atMs: nowMs,
      actor,
      action: "run.replay",
      target: id,
      detail: { from: outcome.from, version, reason, ...(note === null ? {} : { note }), ...detail },
    });
    return { ...outcome, run: id, note };
  });
}

const UNTOLD_VERSION = "Dify did not tell which version of the workflow ran: the published one is run";
const RULE_GONE = "the rules file does not have the rule any more: it is taken as it was";

const planFor = (rule: Rule, appOf: NewestVersions["appOf"]): Pick<ReplayPlan, "rule" | "app"> => ({
  rule,
  app: appOf(rule.run.keyVariable),
});

/** Why a run that has begun cannot go on by this rule. */
function whyUnfit(run: RunRow, rule: Rule): string | undefined {
  const had = run.rule;
  if ((had.run.group ?? "each") !== (rule.run.group ?? "each"))
    return "the rule gathers files otherwise now than when the run was made";
  if (rule.shadow === true && isDeliverable(run)) return "the rule delivers nowhere now, and only the delivery is left";
  const hasPlace = run.folderNodeId !== null || run.shareId !== null || run.shareAskedAtMs !== null;
  if (!hasPlace) return undefined;
  if (had.deliver.as !== rule.deliver.as)
    return `the rule delivers as ${rule.deliver.as} now, and what the run made stands as ${had.deliver.as}`;
  if (storageOfDelivery(had.deliver) !== storageOfDelivery(rule.deliver))
    return "the rule keeps the files of a share elsewhere now than where those of the run lie";
  return undefined;
}
