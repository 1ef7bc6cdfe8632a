import { z } from "zod";
import { RUN_STATUSES } from "../src/ledger/run-statuses.ts";
import { PAGE_QUERY } from "./page-query.ts";
import { RUN_STEPS } from "./run-search-query.ts";
import { AccessList, DeliveredAs, ShareSummary } from "./share-schemas.ts";
import { TimelineSchema } from "./timeline.ts";
import type { Told } from "./told.ts";

export const RunStatusSchema = z
  .enum(RUN_STATUSES)
  .describe(
    "queued, fetching, running and delivering: on its way; delivered, failed, cancelled and skipped: ended; paused: a person is asked; held: its rule is paused, or there were too many at once",
  )
  .meta({ id: "RunStatus" });

const Moment = z.string().max(64);

/** What is asked of the list of runs, as it travels; `readRunSearch` reads what it says. */
export const RunsQuery = z.strictObject({
  q: z
    .string()
    .optional()
    .describe("Anything: part of a file name, an id of ours, of Fast.io or of Dify, a link, an e-mail address"),
  file: z.string().optional().describe("Part of a file name, also where it looks like something else"),
  status: z
    .preprocess(
      (given) => (Array.isArray(given) ? given.flatMap((one) => String(one).split(",")) : given),
      z.array(z.preprocess((one) => String(one).trim().toLowerCase(), RunStatusSchema)),
    )
    .optional()
    .describe("Only runs that stand there; several times, or with commas, for any of several"),
  rule: z.string().optional().describe("Only of this rule"),
  workspace: z.string().optional().describe("Only of this workspace, by id or name"),
  app: z.string().optional().describe("Only for this Dify app, as the overview names it"),
  person: z.string().optional().describe("Only of who brought the file or was invited, by address or user id"),
  error: z.string().optional().describe("Only with this error code, such as `dify_run_failed`"),
  step: z.enum(RUN_STEPS).optional().describe("Only runs that failed at this step"),
  since: Moment.optional().describe(
    "Only runs made since: `24h`, `7d`, `2026-11-22`, `2026-11-22T06:00` (UTC), or milliseconds since the Unix epoch",
  ),
  until: Moment.optional().describe("Only runs made before, in the same words"),
  updatedAfterMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(99_999_999_999_999)
    .optional()
    .describe("Only runs that changed after this, in milliseconds since the Unix epoch: for those who follow them"),
  before: z.string().optional().describe("Where the page begins: what the page before told as `next`"),
  limit: PAGE_QUERY.limit,
});

/** One line of the list of runs. */
export const RunSummary = z
  .object({
    id: z.string(),
    file: z.string().describe("Of a batch, the first"),
    moreFiles: z.int().min(0).describe("Files of its batch beside that one"),
    folder: z.string(),
    rule: z.string(),
    status: RunStatusSchema,
    progress: z.string().nullable(),
    share: z.string().nullable().describe("Where people open what was delivered"),
    deliveredAs: DeliveredAs.describe("What `share` leads to"),
    shadow: z.boolean().describe("Its rule delivers nowhere: what came out stands in its story alone"),
    workflowRun: z.string().nullable().describe("Dify's id"),
    error: z.string().nullable(),
    nextAction: z.string().nullable().describe("What a person is to do"),
    createdAtMs: z.int(),
    updatedAtMs: z.int(),
    finishedAtMs: z.int().nullable(),
  })
  .meta({ id: "RunSummary" });
export type RunSummary = Told<typeof RunSummary>;

export const RunList = z
  .object({
    runs: z.array(RunSummary),
    next: z.string().nullable().describe("What to ask for as `before` to get the next page; null on the last one"),
    count: z
      .object({ atLeast: z.int(), isExact: z.boolean().describe("No more than these") })
      .nullable()
      .describe("How many there are; null on further pages"),
    searchedToMs: z
      .int()
      .nullable()
      .describe("Set when time was up before the page was full: runs made before are not looked through yet"),
    understood: z.enum(["ids", "link", "person", "name"]).nullable().describe("What `q` was taken for"),
  })
  .meta({ id: "RunList" });
export type RunList = Told<typeof RunList>;

const KinRun = z
  .object({
    id: z.string(),
    parentId: z.string().nullable(),
    rule: z.string(),
    file: z.string().describe("Of a batch, the first"),
    moreFiles: z.int().min(0).describe("Files of its batch beside that one"),
    status: RunStatusSchema,
    depth: z.int().min(0).describe("How many runs came before it in its chain"),
  })
  .meta({ id: "KinRun" });

const RunNode = z
  .object({
    nodeId: z.string(),
    title: z.string(),
    type: z.string().nullable().describe("Dify's name of its kind: `llm`, `code`, `iteration`, …"),
    status: z
      .enum(["running", "retry", "succeeded", "failed", "exception", "paused", "stopped", "unknown"])
      .describe(
        "exception: it failed and the workflow handled that; unknown: it was at work when it was last heard of",
      ),
    startedAtMs: z
      .int()
      .nullable()
      .describe("When the execution that is under way began, by Dify's clock; null when none is"),
    elapsedMs: z.number().describe("How long its executions that ended took in all, by Dify's clock"),
    times: z.int().describe("Executions that ended; more than one inside iterations and loops"),
    round: z.int().nullable().describe("The round an iteration or a loop is in or ended with, from 1"),
    error: z.string().nullable().describe("Why it failed, or is tried again"),
  })
  .meta({ id: "RunNode" });

const ToldAnswer = z
  .object({
    name: z.string(),
    phase: z.enum(["before", "after"]).describe("Before the workflow, or after its outputs were placed"),
    state: z.enum(["waiting", "asked", "answered", "unanswered"]),
    question: z.string().nullable().describe("As it was asked; null before"),
    answer: z.string().nullable(),
    foundIn: z.array(z.object({ name: z.string(), page: z.int().optional() })),
    note: z.string().nullable().describe("Why there is no answer, or what it lacks"),
  })
  .meta({ id: "RuleAnswer" });
/** One question of the rule, and what came of it. */
export type ToldAnswer = Told<typeof ToldAnswer>;

const ToldEnding = z
  .object({
    by: z.enum(["comment", "note", "notice"]),
    state: z.enum(["waiting", "done", "given_up"]),
    error: z.string().nullable().describe("Why it was not told yet, or never will be"),
  })
  .meta({ id: "ToldEnding" });
/** Who was told of the run's ending, or is going to be. */
export type ToldEnding = Told<typeof ToldEnding>;

const SentInput = z
  .object({
    name: z.string(),
    kind: z.enum(["file", "files", "text", "number", "boolean", "json"]),
    size: z.int().nullable().describe("Bytes of a text, or of a value as JSON; null for files"),
    value: z.string().nullable().describe("Cut; null: a file, or not to be shown"),
    by: z.enum(["upload", "link"]).optional().describe("How files were handed over"),
  })
  .meta({ id: "SentInput" });

/** All that is known of one run. */
export const RunStory = RunSummary.extend({
  readAtMs: z.int().describe("When the relay told all this; what goes on is counted up to here"),
  workspace: z.string(),
  eventKey: z.string(),
  nodeId: z.string(),
  versionId: z.string().nullable(),
  sourceShareId: z.string().nullable().describe("The share whose own storage its file lies in; null: the workspace"),
  family: z
    .array(KinRun)
    .describe("The runs that led to it and that came of it, parents first; itself alone when it is in no chain"),
  size: z.int().nullable(),
  mimeType: z.string().nullable(),
  eventType: z.string(),
  workflowVersion: z.string().nullable().describe("The version of the workflow that ran last, where Dify told it"),
  generation: z.int().describe("Counts its beginnings: what is asked of a run as it was seen names it"),
  cancelAskedAtMs: z
    .int()
    .nullable()
    .describe("When somebody asked to cancel it; while it has not ended, that is being carried out"),
  parked: z.boolean().describe("Whether it was laid aside for a person to look again, start anew or give up"),
  warning: z.string().nullable(),
  link: ShareSummary.nullable().describe("What became of the link people were given; null when there is none"),
  accesses: AccessList.describe("Who opened or took what was delivered"),
  handoff: z
    .object({ expiresAtMs: z.int().nullable(), askedBy: z.string().nullable() })
    .nullable()
    .describe(
      "For a delivered run whose rule ends in a handoff: until when its organisation is offered; null: it is not, and may be",
    ),
  answers: z.array(ToldAnswer).describe("Questions of its rule to Fast.io"),
  told: z.array(ToldEnding).describe("Who is told of its ending"),
  nodes: z
    .array(RunNode)
    .describe("The workflow's nodes in the order they were first heard of; empty when no stream was"),
  errorStep: z.string().nullable().describe("Which step failed"),
  errorCode: z.string().nullable().describe("A stable word for how"),
  totalTokens: z.int().nullable(),
  elapsedMs: z.number().nullable().describe("How long the workflow took, by Dify's clock"),
  cost: z.number().nullable().describe("Where Dify tells it"),
  currency: z.string().nullable(),
  budget: z
    .object({
      day: z.string(),
      runs: z.int(),
      tokens: z.int(),
      runsPerDay: z.int().nullable(),
      tokensPerDay: z.int().nullable(),
    })
    .nullable()
    .describe("What its rule has used today (UTC) of what it may; null for a rule without limits"),
  deliveryId: z
    .string()
    .nullable()
    .describe("The delivery that brought its event first; null: catch-up found it first, or that line is forgotten"),
  timeline: TimelineSchema.describe("Where its time went"),
  inputs: z
    .array(SentInput)
    .nullable()
    .describe("What the workflow was given, as far as the rule lets it be shown; null: not kept, or not yet"),
  files: z
    .array(z.object({ name: z.string(), size: z.int().nullable(), leftOut: z.string().nullable() }))
    .describe("Those of its batch, with why one was left out; empty for a run of one file"),
  outputs: z.array(
    z.object({
      name: z.string(),
      size: z.int(),
      mimeType: z.string(),
      placed: z.boolean(),
      sha256: z.string().nullable().describe("In hex digits; null where it was not reckoned"),
      text: z
        .string()
        .nullable()
        .describe("What it says, cut; null for files, and where the rule does not let it be shown"),
    }),
  ),
  kept: z
    .array(z.string())
    .describe(
      "Names of files that a delivery before a replay placed, and that are not among the outputs now: they stay",
    ),
  attempts: z.array(
    z.object({
      step: z.string(),
      outcome: z.string(),
      startedAtMs: z.int(),
      workMs: z.number(),
      error: z.string().nullable(),
    }),
  ),
}).meta({ id: "RunStory" });
export type RunStory = Told<typeof RunStory>;
