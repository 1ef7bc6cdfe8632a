import { z } from "zod";
import { SourceReport } from "./read-sources.ts";
import { RunSummary } from "./run-schemas.ts";
import type { Told } from "./told.ts";

const OPEN = {
  waiting: z.int().describe("Made, and not given to Dify yet"),
  atWork: z.int().describe("In Dify, or on the way back from it"),
  paused: z.int().describe("They wait for a person"),
  held: z.int(),
  oldestMs: z.int().nullable().describe("Since when the oldest of those that wait does; null when none does"),
};
export const Open = z.object(OPEN).meta({ id: "OpenRuns" });
/** Runs that have not ended. */
export type Open = Told<typeof Open>;

export const Ended = z
  .object({
    delivered: z.int(),
    failed: z.int(),
    dropped: z.int().describe("Cancelled or skipped: nobody wanted them to be delivered any more"),
    success: z
      .number()
      .nullable()
      .describe("Delivered, of those that were delivered or failed, from 0 to 1; null when there is none"),
    meanMs: z
      .int()
      .nullable()
      .describe("From the making of a run to its delivery, on average, in milliseconds; null when there is none"),
  })
  .meta({ id: "EndedRuns" });
/** How runs ended in a span of time. */
export type Ended = Told<typeof Ended>;

const DrainMs = z
  .int()
  .nullable()
  .describe("About how many milliseconds until nothing waits, if nothing is added; null when nobody can tell");

const AppOverview = z
  .object({
    app: z.string().describe("Print of its key"),
    keys: z
      .array(z.string())
      .describe("Variables of rules in force that hold its key; empty when no rule names it any more"),
    slots: z.int().nullable().describe("Workflow runs it is given at a time; null before its first"),
    taken: z.int(),
    restUntilMs: z.int().nullable().describe("It refused and is given a rest until then; null: it is not"),
    ...OPEN,
    lastHour: Ended,
    lastDay: Ended,
    drainMs: DrainMs,
  })
  .meta({ id: "AppOverview" });
export type AppOverview = Told<typeof AppOverview>;

const RuleOverview = z
  .object({
    name: z.string(),
    isInForce: z.boolean().describe("Whether it stands in the rules file"),
    isPaused: z.boolean(),
    ...OPEN,
    lastHour: Ended,
    lastDay: Ended,
  })
  .meta({ id: "RuleOverview" });
export type RuleOverview = Told<typeof RuleOverview>;

export const Overview = z
  .object({
    readAtMs: z.int(),
    open: Open,
    lastHour: Ended,
    lastDay: Ended,
    drainMs: DrainMs,
    backlog: z
      .object({ count: z.int(), oldestMs: z.int().nullable() })
      .describe("Events that no rule has looked at yet"),
    apps: z.array(AppOverview),
    rules: z.array(RuleOverview).describe("Those of the rules file in its order, then others that have runs"),
    pausedRules: z.array(
      z.object({
        name: z.string(),
        reason: z.string().nullable(),
        nextAction: z.string().nullable(),
        changedBy: z.string(),
        sinceMs: z.int(),
      }),
    ),
    pausedApps: z.array(
      z.object({
        app: z.string(),
        reason: z.string().nullable(),
        changedBy: z.string(),
        sinceMs: z.int(),
        keys: z.array(z.string()).describe("Variables of rules in force that hold its key"),
      }),
    ),
    holds: z.array(
      z.object({
        ruleName: z.string(),
        code: z.string().nullable().describe("A stable word for why, such as `flood_held`"),
        count: z.int(),
        oldestMs: z.int(),
        reason: z.string().nullable().describe("What one of them says of it"),
        nextAction: z.string().nullable(),
      }),
    ),
    waitForPeople: z.array(RunSummary).describe("Runs that wait for a person, the oldest first, some of them"),
    failedLately: z.array(RunSummary).describe("Runs that failed in the last day, the latest first, some of them"),
    latest: z.array(RunSummary),
    sources: SourceReport,
  })
  .meta({ id: "Overview" });
/** How the relay fares. Times are milliseconds since the epoch, spans milliseconds. */
export type Overview = Told<typeof Overview>;
