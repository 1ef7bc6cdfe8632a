import { settleAlerts } from "../ledger/alerts.ts";
import type { AlertRow } from "../ledger/schema.ts";
import type { AlertThresholds } from "../rules/alerts-schema.ts";
import type { Log } from "../telemetry/log.ts";
import { spanWords } from "../text/figures.ts";
import { withoutEndSlashes } from "../text/without-end.ts";
import { withoutPassword } from "../text/without-password.ts";
import { judgeSigns } from "./judge-signs.ts";
import { type AlertSignsDeps, readAlertSigns } from "./read-alert-signs.ts";
import { CALM_MS } from "./well-since.ts";

export type WatchAlertsDeps = AlertSignsDeps & {
  readonly log: Log;
  readonly thresholds: () => AlertThresholds;
  /** The variable with the address that is told; undefined: nobody is. */
  readonly noticeVariable: string | undefined;
  /** Where the pages are. */
  readonly publicUrl: string | undefined;
};

/** Looks whether something is wrong, writes it down, and orders the notices of what changed. */
export async function watchAlerts(deps: WatchAlertsDeps): Promise<void> {
  const { db, clock, log, noticeVariable, publicUrl } = deps;
  const thresholds = deps.thresholds();
  const findings = judgeSigns(await readAlertSigns(deps, thresholds), thresholds, clock.now());
  const { raised, cleared } = await settleAlerts(db, findings, {
    nowMs: clock.now(),
    holdMs: thresholds.hold,
    calmMs: CALM_MS,
    noticeVariable,
    textOf: (alert) => alertText(alert, publicUrl),
  });
  for (const { kind, subject, message, nextAction } of raised)
    log.warn("alert.raised", { kind, subject, message, nextAction });
  for (const { kind, subject, sinceMs, clearedAtMs } of cleared)
    log.info("alert.cleared", { kind, subject, lastedMs: (clearedAtMs ?? 0) - sinceMs });
}

/** What a notice says. */
export function alertText(
  { message, nextAction, sinceMs, clearedAtMs, flaps }: AlertRow,
  publicUrl: string | undefined,
): string {
  const page = publicUrl === undefined ? "" : `\n${withoutEndSlashes(withoutPassword(publicUrl))}/alerts`;
  if (clearedAtMs === null) return `relay: ${message}.\n→ ${nextAction}${page}`;
  const cameBack = flaps > 0 ? `, and came back ${flaps} times meanwhile` : "";
  return `relay: all clear. It was: ${message}. It lasted ${spanWords(clearedAtMs - sinceMs)}${cameBack}.${page}`;
}
