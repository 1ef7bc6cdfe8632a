import { WATCH_EVERY_MS, type WatchAlertsDeps, watchAlerts } from "../../src/alerts/watch-alerts.ts";
import { type LeasedChoreDeps, startLeasedChore } from "./leased-chore.ts";

/** Looks again and again whether something is wrong. @returns stops it */
export const startWatch = (deps: LeasedChoreDeps & WatchAlertsDeps): (() => Promise<void>) =>
  startLeasedChore(deps, { name: "alerts", everyMs: WATCH_EVERY_MS, work: () => watchAlerts(deps) });
