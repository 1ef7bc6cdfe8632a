import { randomUUID } from "node:crypto";
import type { Hono } from "hono";
import { z } from "zod";
import type { BeginOutcome, BulkRuns, PlanOutcome } from "../../handlers/bulk-runs.ts";
import {
  BULK_KEY,
  BulkBody,
  BulkList,
  BulkPlan,
  BulkQuery,
  BulkStory,
  BulkSummary,
} from "../../handlers/bulk-schemas.ts";
import type { ReadBulk } from "../../handlers/read-bulk.ts";
import { whyNotBegun } from "../dashboard/bulk-words.ts";
import type { Guards, MountOperation } from "./api/mount-operations.ts";
import { type Answer, operation } from "./api/operation.ts";
import { unfit } from "./api/read-asked.ts";
import { mountBulkPages, NO_SUCH_BULK } from "./bulk-pages.ts";
import { Reason } from "./read-reason.ts";

export type BulkRouteDeps = { readonly bulkRuns: BulkRuns; readonly readBulk: ReadBulk };

const DO_TO_MANY = operation({
  id: "doToManyRuns",
  method: "post",
  path: "/api/runs/bulk",
  tag: "bulk",
  role: "operator",
  summary: "Replay, cancel or release many runs",
  description:
    "Tells what would be done, unless `dryRun` is false: then the runs that match at this moment are written down, and it is done to one after the other, the oldest first, at a rate. Runs that come to match later are left alone.",
  body: BulkBody,
  bodyExample: {
    action: "replay",
    filter: { rule: "summarise-contracts", status: ["failed"], since: "7d" },
    rate: 30,
    dryRun: true,
  },
  maxBodyBytes: 16_384,
  answers: {
    200: { description: "What would be done", schema: BulkPlan },
    202: {
      description: "It has begun, or had before",
      schema: z.object({ bulk: z.string().describe("Its id"), matches: z.int() }),
    },
  },
  refusals: { 409: "No run matches, too many do, or others than `expect` says" },
});

const LIST_BULKS = operation({
  id: "listBulkActions",
  method: "get",
  path: "/api/bulk",
  tag: "bulk",
  role: "operator",
  summary: "What was done to many runs, newest first",
  description: "Each with who asked for it, why, and how far it is.",
  query: BulkQuery,
  answers: { 200: { description: "A page of them", schema: BulkList } },
});

const BulkParams = z.object({
  id: z
    .string()
    .regex(new RegExp(`^${BULK_KEY}$`))
    .describe("Id of the bulk action"),
});

const READ_BULK = operation({
  id: "readBulkAction",
  method: "get",
  path: "/api/bulk/{id}",
  tag: "bulk",
  role: "operator",
  summary: "How far something is that is done to many runs",
  description: "With the runs it was not done to, and why.",
  params: BulkParams,
  answers: { 200: { description: "The bulk action", schema: BulkStory } },
  refusals: { 404: NO_SUCH_BULK },
});

const ABORT_BULK = operation({
  id: "abortBulkAction",
  method: "post",
  path: "/api/bulk/{id}/abort",
  tag: "bulk",
  role: "operator",
  summary: "Stop what is done to many runs",
  description: "Before its next run; what was done stays done. Safe to repeat.",
  params: BulkParams,
  body: Reason,
  answers: { 200: { description: "How it stands now", schema: BulkSummary } },
  refusals: { 404: NO_SUCH_BULK },
});

export const BULK_OPERATIONS = [DO_TO_MANY, LIST_BULKS, READ_BULK, ABORT_BULK];

/**
 * The same done to many runs: tried first, then begun, watched and stopped. To be mounted before what takes any word
 * behind `/runs/` for the id of a run.
 */
export function mountBulk(app: Hono, mount: MountOperation, { operator }: Guards, deps: BulkRouteDeps): void {
  const { bulkRuns, readBulk } = deps;
  mount(DO_TO_MANY, async ({ body: { filter, dryRun, ...wish } }, context) =>
    tellOutcome(dryRun ? await bulkRuns.plan(wish, filter) : await bulkRuns.begin(wish, filter, context.get("who"))),
  );
  mount(LIST_BULKS, async ({ query }) => ({ status: 200, body: await readBulk.list(query) }));
  mount(READ_BULK, async ({ params: { id } }) => {
    const story = await readBulk.story(id);
    return story ? { status: 200, body: story } : { status: 404, error: NO_SUCH_BULK };
  });
  mount(ABORT_BULK, async ({ params: { id }, body }, context) => {
    const bulk = await readBulk.abort(id, { ...body, actor: context.get("who") });
    return bulk ? { status: 200, body: bulk } : { status: 404, error: NO_SUCH_BULK };
  });
  mountBulkPages(app, operator, { bulkRuns, readBulk, newKey: randomUUID });
}

function tellOutcome(outcome: PlanOutcome | BeginOutcome): Answer<typeof DO_TO_MANY> {
  switch (outcome.kind) {
    case "planned":
      return { status: 200, body: outcome.plan };
    case "begun":
      return { status: 202, body: { bulk: outcome.id, matches: outcome.total } };
    case "wrong_filter":
      return unfit(outcome.problems.map(({ name, reason }) => ({ in: "body", name: `filter.${name}`, reason })));
    default:
      return { status: 409, error: whyNotBegun(outcome) };
  }
}
