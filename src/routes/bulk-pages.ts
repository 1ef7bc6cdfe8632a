import type { Context, Hono, MiddlewareHandler } from "hono";
import type { BeginOutcome, BulkRuns } from "../../handlers/bulk-runs.ts";
import { BULK_DEEDS, BULK_KEY, BulkBody, BulkQuery, DEFAULT_RATE } from "../../handlers/bulk-schemas.ts";
import type { ReadBulk } from "../../handlers/read-bulk.ts";
import { type RawQuery, SEARCH_FIELDS } from "../../handlers/run-search-query.ts";
import { bulkPage } from "../dashboard/bulk-page.ts";
import { bulkPlanPage } from "../dashboard/bulk-plan-page.ts";
import { whyNotBegun } from "../dashboard/bulk-words.ts";
import { bulksPage } from "../dashboard/bulks-page.ts";
import { readQueryTolerantly } from "./api/read-asked.ts";
import { explain } from "./explain.ts";
import { readFields, readReason, WRONG_REASON } from "./read-reason.ts";

export type BulkPageDeps = {
  readonly bulkRuns: BulkRuns;
  readonly readBulk: ReadBulk;
  /** Names a wish, so that its form sent twice is one. */
  readonly newKey: () => string;
};

export const NO_SUCH_BULK = "There is no such bulk action.";

/** The fields of the form that confirms, without those of the search. */
const BulkForm = BulkBody.omit({ filter: true, dryRun: true });

/** Pages on which many runs are chosen, and what is done to them is watched and stopped. */
export function mountBulkPages(app: Hono, operator: MiddlewareHandler, deps: BulkPageDeps): void {
  const { bulkRuns, readBulk, newKey } = deps;
  app.get("/runs/bulk", operator, async (context) => {
    const { query, rest } = splitFields(context.req.queries());
    const action = BULK_DEEDS.find((deed) => deed === rest["action"]);
    const { data: rate = DEFAULT_RATE } = BulkForm.shape.rate.safeParse(rest["rate"]);
    const outcome = action && (await bulkRuns.plan({ action, rate }, query));
    const form = { asked: writtenOf(query), rate, key: newKey(), outcome };
    return context.html(bulkPlanPage(form, context.get("reader")));
  });
  app.post("/runs/bulk", operator, async (context) => {
    const fields = await readFields(context);
    const { query, rest } = splitFields(fields ?? {});
    const { data: wish } = BulkForm.safeParse(rest);
    if (!wish) return explain(context, false, 400, "The form cannot be read; go back and try again.");
    const outcome = await bulkRuns.begin(wish, query, context.get("who"));
    if (outcome.kind !== "changed") return tellBegun(context, outcome);
    const again = await bulkRuns.plan(wish, query);
    const { count: changed } = outcome;
    const form = { asked: writtenOf(query), rate: wish.rate, key: newKey(), outcome: again, changed };
    return context.html(bulkPlanPage(form, context.get("reader")), 409);
  });
  app.get("/bulk", operator, async (context) => {
    const query = readQueryTolerantly(BulkQuery, new URL(context.req.url).searchParams);
    return context.html(bulksPage(await readBulk.list(query), query, context.get("reader")));
  });
  app.get(`/bulk/:id{${BULK_KEY}}`, operator, async (context) => {
    const story = await readBulk.story(context.req.param("id"));
    return story ? context.html(bulkPage(story, context.get("reader"))) : explain(context, false, 404, NO_SUCH_BULK);
  });
  app.post(`/bulk/:id{${BULK_KEY}}/abort`, operator, async (context) => {
    const why = await readReason(context, false);
    if (!why) return explain(context, false, 400, WRONG_REASON);
    const bulk = await readBulk.abort(context.req.param("id"), { ...why, actor: context.get("who") });
    return bulk ? context.redirect(`/bulk/${bulk.id}`, 303) : explain(context, false, 404, NO_SUCH_BULK);
  });
}

/** Fields of the search, and those of the form beside them. */
function splitFields(fields: RawQuery): { readonly query: RawQuery; readonly rest: Readonly<Record<string, string>> } {
  const isSearched = (name: string): boolean => SEARCH_FIELDS.some((field) => field === name);
  const entries = Object.entries(fields);
  return {
    query: Object.fromEntries(entries.filter(([name]) => isSearched(name))),
    rest: Object.fromEntries(
      entries.filter(([name]) => !isSearched(name)).map(([name, values]) => [name, [values].flat()[0] ?? ""]),
    ),
  };
}

/** A query as its form holds it. */
const writtenOf = (query: RawQuery): Readonly<Record<string, string>> =>
  Object.fromEntries(
    SEARCH_FIELDS.flatMap((field) => {
      const values = [(Object.hasOwn(query, field) ? query[field] : undefined) ?? []].flat();
      const text = values.filter((value) => value.trim() !== "").join(",");
      return text === "" ? [] : [[field, text]];
    }),
  );

function tellBegun(context: Context, outcome: BeginOutcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "begun":
      return context.redirect(`/bulk/${outcome.id}`, 303);
    case "wrong_filter":
      return explain(context, false, 400, outcome.problems.map(({ name, reason }) => `${name} ${reason}`).join("; "));
    default:
      return explain(context, false, 409, whyNotBegun(outcome));
  }
}
