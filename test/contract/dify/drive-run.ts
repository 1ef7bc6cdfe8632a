import { systemClock } from "../../../src/clock.ts";
import { wasSurelyNotStarted } from "../../../src/dify/not-started.ts";
import {
  DEFAULT_RECOVERY,
  decideNext,
  type NextStep,
  type RecoveryPolicy,
  type RunKnown,
  type RunSeen,
} from "../../../src/dify/recovery.ts";
import type { Dify, DifyRunEvent } from "../../../src/dify/types.ts";

/** Recovery at a pace for tests: the same rules, shorter waits. */
export const QUICK: RecoveryPolicy = {
  ...DEFAULT_RECOVERY,
  absentAfterMs: 600,
  giveUpAfterMs: 5_000,
  settleAfterMs: 300,
  lookUpPauseMs: { shortest: 20, longest: 100 },
  pollPauseMs: { shortest: 20, longest: 100 },
};

export type Ending = Extract<NextStep, { do: "finish" | "fail" | "lost" | "pause" }>;

export type Driven = {
  readonly ending: Ending;
  /** Names of the steps taken. */
  readonly steps: readonly string[];
  readonly known: RunKnown;
};

/** The least a worker does: asks what is next, does it, remembers. Begins with what the ledger knew. */
export async function driveRun(
  dify: Dify,
  run: { readonly user: string; readonly inputs: Readonly<Record<string, unknown>> },
  signal: AbortSignal,
  { known = {}, policy = QUICK }: { known?: RunKnown; policy?: RecoveryPolicy } = {},
): Promise<Driven> {
  let ledger: RunKnown = known;
  let seen: Omit<RunSeen, "nowMs"> = { attachable: true };
  const steps: string[] = [];

  const listen = async (events: AsyncIterable<DifyRunEvent>): Promise<void> => {
    for await (const event of events) {
      if (event.kind === "handles") ledger = { ...ledger, workflowRunId: event.workflowRunId };
      if (event.kind === "finished" || event.kind === "paused" || event.kind === "error") {
        seen = { ...seen, end: { event, atMs: Date.now() }, detail: undefined };
      }
    }
  };

  for (;;) {
    const step = decideNext(ledger, { ...seen, nowMs: Date.now() }, policy);
    steps.push(step.do);
    switch (step.do) {
      case "start":
        ledger = { submittedAtMs: Date.now(), submissions: (ledger.submissions ?? 0) + 1 };
        seen = { attachable: true };
        await listen(dify.startRun(run, signal)).catch((error: unknown) => {
          if (wasSurelyNotStarted(error)) throw error;
        });
        break;
      case "look_up":
        await systemClock.sleep(step.afterMs, signal);
        seen = { ...seen, askedMs: Date.now(), rows: await dify.findRuns(run.user, signal) };
        break;
      case "adopt":
        ledger = { ...ledger, workflowRunId: step.workflowRunId };
        break;
      case "follow":
        seen = { ...seen, attachable: false };
        await listen(dify.followRun({ workflowRunId: ledger.workflowRunId ?? "", user: run.user }, signal)).catch(
          () => {},
        );
        break;
      case "poll":
        await systemClock.sleep(step.afterMs, signal);
        seen = {
          ...seen,
          askedMs: Date.now(),
          detail: (await dify.readRun(ledger.workflowRunId ?? "", signal)) ?? "absent",
        };
        break;
      default:
        return { ending: step, steps, known: ledger };
    }
  }
}
