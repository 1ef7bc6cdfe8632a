import type { Clock } from "../clock.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { backoffMs } from "./backoff.ts";
import type { Latch } from "./latch.ts";
import type { Pulls } from "./pull.ts";
import type { WatchedWorkspace } from "./watched-workspaces.ts";

/** For what the latch is opened: deliveries are refused, so that a check is wanted now; the workspaces were pulled. */
export const REFUSED_SIGNATURES = "refused_signatures";
export const WAS_READ = "read";

/** The wait for the first pull has no other end. */
const UNTIL_READ_MS = 3_600_000;

export type CheckDeps = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly check: Pulls["check"];
};

/**
 * Checks an organisation's workspaces whenever that is due or wanted, from their first pull on, which may have to find a
 * beginning. A check that fails is tried again, and is no harm to the feed beside it.
 */
export async function checkNowAndThen(
  { clock, random, log, check }: CheckDeps,
  { workspaces, toCheck }: { readonly workspaces: () => readonly WatchedWorkspace[]; readonly toCheck: Latch },
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let wantedAtMs: number | undefined;
  const noteWhy = (reasons: readonly string[]): void => {
    if (reasons.includes(REFUSED_SIGNATURES)) wantedAtMs = clock.now();
  };
  try {
    for (let reasons: readonly string[] = []; !reasons.includes(WAS_READ); ) {
      reasons = await toCheck.pass(UNTIL_READ_MS, signal);
      noteWhy(reasons);
    }
    while (!signal.aborted) {
      const startedMs = clock.now();
      try {
        const { dueInMs, ...checked } = await check({ workspaces: workspaces(), wantedAtMs }, signal);
        failures = 0;
        const fields = { ...checked, ms: clock.now() - startedMs };
        if (checked.fresh > 0) log.info("catch_up.checked", fields);
        else log.debug("catch_up.checked", fields);
        noteWhy(await toCheck.pass(dueInMs, signal));
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        log.warn("catch_up.check_failed", { failures, ms: clock.now() - startedMs, message: messageOf(error) });
        noteWhy(await toCheck.pass(backoffMs(failures, error, random), signal));
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
