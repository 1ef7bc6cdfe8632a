import type { Hono } from "hono";
import { z } from "zod";
import type { ReadRuns } from "../../handlers/read-runs.ts";
import { RunList, RunStory, RunsQuery } from "../../handlers/run-schemas.ts";
import { runPage } from "../dashboard/run-page.ts";
import { runsPage } from "../dashboard/runs-page.ts";
import type { Guards, MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";
import { unfit } from "./api/read-asked.ts";
import { explain } from "./explain.ts";

/** What an id of a run looks like. Anything else names nothing, and some of it (U+0000) is an error to the ledger. */
export const RUN_ID = "[a-z0-9]{1,64}";
/** The part of a path that names a run. */
export const RunParams = z.object({
  id: z
    .string()
    .regex(new RegExp(`^${RUN_ID}$`))
    .describe("Id of the run"),
});
export const NO_SUCH_RUN = "There is no such run.";

const LIST_RUNS = operation({
  id: "listRuns",
  method: "get",
  path: "/api/runs",
  tag: "runs",
  role: "viewer",
  summary: "Runs, newest first",
  description: "A run is one version of one file on its way through one rule.",
  query: RunsQuery,
  answers: { 200: { description: "A page of runs", schema: RunList } },
});

const READ_RUN = operation({
  id: "readRun",
  method: "get",
  path: "/api/runs/{id}",
  tag: "runs",
  role: "viewer",
  summary: "The story of one run",
  description: "All that is known of it: where it stands, what was tried, what came out, and who got it.",
  params: RunParams,
  answers: { 200: { description: "The run", schema: RunStory } },
  refusals: { 404: NO_SUCH_RUN },
});

export const RUN_OPERATIONS = [LIST_RUNS, READ_RUN];

/** The list of runs, and the story of one. */
export function mountRuns(app: Hono, mount: MountOperation, { viewer }: Guards, runs: ReadRuns): void {
  mount(LIST_RUNS, async ({ query: { limit, updatedAfterMs, ...query } }) => {
    const raw = { ...query, limit: String(limit), updatedAfterMs: updatedAfterMs?.toString() };
    const { problems, asked: _asked, paging: _paging, ...body } = await runs.list(raw);
    // A program that goes on with other runs than it asked for would do harm; people see what was left out.
    return problems.length === 0 ? { status: 200, body } : unfit(problems.map((one) => ({ in: "query", ...one })));
  });
  mount(READ_RUN, async ({ params: { id } }) => {
    const story = await runs.story(id);
    return story ? { status: 200, body: story } : { status: 404, error: NO_SUCH_RUN };
  });
  app.get("/runs", viewer, async (context) =>
    context.html(runsPage(await runs.list(context.req.queries()), context.get("reader"))),
  );
  app.get(`/runs/:id{${RUN_ID}}`, viewer, async (context) => {
    const story = await runs.story(context.req.param("id") ?? "");
    return story ? context.html(runPage(story, context.get("reader"))) : explain(context, false, 404, NO_SUCH_RUN);
  });
}
