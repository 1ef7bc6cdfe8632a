import type { Hono, MiddlewareHandler } from "hono";
import type { ReadRuns } from "../../handlers/read-runs.ts";
import { runPage } from "../dashboard/run-page.ts";
import { runsPage } from "../dashboard/runs-page.ts";
import { explain } from "./explain.ts";

/** The list of runs, and the story of one. @param id what the id of a run looks like */
export function mountRuns(app: Hono, viewer: MiddlewareHandler, id: string, runs: ReadRuns): void {
  app.get("/runs", viewer, async (context) =>
    context.html(runsPage(await runs.list(context.req.queries()), context.get("reader"))),
  );
  app.get("/api/runs", viewer, async (context) => {
    const list = await runs.list(context.req.queries());
    // A program that goes on with other runs than it asked for would do harm; people see what was left out.
    const wrong = list.problems.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
    return wrong === "" ? context.json(list) : explain(context, true, 400, wrong);
  });
  for (const base of ["/runs", "/api/runs"] as const) {
    const asJson = base === "/api/runs";
    app.get(`${base}/:id{${id}}`, viewer, async (context) => {
      const story = await runs.story(context.req.param("id") ?? "");
      if (!story) return explain(context, asJson, 404, "There is no such run.");
      return asJson ? context.json(story) : context.html(runPage(story, context.get("reader")));
    });
  }
}
