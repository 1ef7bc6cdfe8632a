import { type WatchAlertsDeps, watchAlerts } from "../../src/alerts/watch-alerts.ts";
import { WATCH_EVERY_MS } from "../../src/alerts/well-since.ts";
import { type LeasedChoreDeps, startLeasedChore } from "./leased-chore.ts";

/** Looks again and again whether something is wrong. @returns stops it */
export const startWatch = (deps: LeasedChoreDeps & WatchAlertsDeps): (() => Promise<void>) =>
  startLeasedChore(deps, { name: "alerts", everyMs: WATCH_EVERY_MS, work: () => watchAlerts(deps) });
