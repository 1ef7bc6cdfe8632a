import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import { askToReplay, type NewestVersions, type ReplayAsked } from "../src/ledger/ask-to-replay.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { ReplayVersion } from "../src/ledger/schema.ts";
import type { Why } from "./cancel-run.ts";
import { lineOf } from "./line-of.ts";

/** What is said beside a wish to replay. Forms send numbers as text. */
export const ReplayBody = z.strictObject({
  reason: z.string().max(2_000).optional().describe("Why; it is written down with the deed"),
  version: z
    .enum(["newest", "same"])
    .optional()
    .describe("newest: the rule and the workflow as they are now, unless said otherwise; same: as they were"),
  seen: z.coerce
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .optional()
    .describe("The run's `generation` as who asks saw it: what has begun again since is left alone"),
});

export type ReplayOutcome = ReplayAsked;

/**
 * Lets a run that has ended begin again, by hand. Asked twice, it begins once.
 * @param wish `seen`: the run's `generation` as who asks saw it
 */
export type ReplayRun = (
  id: string,
  why: Why,
  wish?: { readonly version?: ReplayVersion | undefined; readonly seen?: number | undefined },
) => Promise<ReplayOutcome>;

export type ReplayRunDeps = NewestVersions & { readonly db: Db; readonly clock: Clock };

export const replayRun =
  ({ db, clock, ...newest }: ReplayRunDeps): ReplayRun =>
  (id, { actor, reason }, { version = "newest", seen } = {}) =>
    askToReplay(db, id, { version, seen, actor, reason: lineOf(reason) }, newest, clock.now());
