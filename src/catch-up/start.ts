import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Fastio } from "../fastio/types.ts";
import type { Accept } from "../ledger/accept.ts";
import type { Db } from "../ledger/open-ledger.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import type { LiveRules } from "../rules/live-rules.ts";
import type { Log } from "../telemetry/log.ts";
import { startKeepingUp } from "./keep-up.ts";
import { createPulls } from "./pull.ts";
import { createTakeIn } from "./take-in.ts";

export type CatchUpDeps = {
  readonly config: Pick<Config, "catchUp" | "ledger">;
  readonly rules: LiveRules;
  readonly db: Db;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
  readonly fastio: Fastio;
  readonly accept: Accept;
};

/** Event types that some rule listens to. */
export const wantedTypes = (rules: readonly CompiledRule[]): ReadonlySet<string> =>
  new Set(rules.flatMap(({ rule }) => rule.when.events));

/** Puts catch-up together and starts it. @returns stops it */
export function startCatchUp({ config, rules, ...deps }: CatchUpDeps): () => Promise<void> {
  const takeIn = createTakeIn({ ...deps, wantedTypes: () => wantedTypes(rules.now().rules) });
  const { lookBackMs } = config.catchUp;
  const pulls = createPulls({ ...deps, takeIn, lookBackMs, retentionMs: config.ledger.retentionMs });
  return startKeepingUp({ ...deps, rules: () => rules.now().rules, onRulesChange: rules.onChange, ...pulls });
}
