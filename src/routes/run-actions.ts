import type { Context, Hono, MiddlewareHandler } from "hono";
import type { CancelOutcome, CancelRun, LookAgain, LookAgainOutcome } from "../../handlers/cancel-run.ts";
import type { ReleaseOutcome, ReleaseRun } from "../../handlers/release-run.ts";
import { ReplayBody, type ReplayOutcome, type ReplayRun } from "../../handlers/replay-run.ts";
import { explain } from "./explain.ts";
import { readReason, readSmallBody, WRONG_REASON } from "./read-reason.ts";

export type RunActionDeps = {
  readonly cancel: CancelRun;
  readonly lookAgain: LookAgain;
  readonly replay: ReplayRun;
  readonly release: ReleaseRun;
};

const WRONG_REPLAY =
  'The body must be nothing, or JSON such as {"version":"newest","reason":"the prompt is mended"}; version is newest or same.';

const NO_SUCH_RUN = "There is no such run.";

/**
 * What an operator does to one run: each as `POST /api/runs/ID/…`, told as JSON, and as `POST /runs/ID/…`, which the
 * forms of the run's page send and which leads back to it.
 */
export function mountRunActions(
  app: Hono,
  operator: MiddlewareHandler,
  runId: string,
  { cancel, lookAgain, replay, release }: RunActionDeps,
): void {
  for (const base of ["/api/runs", "/runs"] as const) {
    const asJson = base === "/api/runs";
    const path = (action: string): string => `${base}/:id{${runId}}/${action}`;
    const idOf = (context: Context): string => context.req.param("id") ?? "";

    app.post(path("cancel"), operator, async (context) => {
      const why = await readReason(context, asJson);
      if (!why) return explain(context, asJson, 400, WRONG_REASON);
      return tellCancel(context, asJson, await cancel(idOf(context), { ...why, actor: context.get("who") }));
    });
    app.post(path("look-again"), operator, async (context) => {
      const why = await readReason(context, asJson);
      if (!why) return explain(context, asJson, 400, WRONG_REASON);
      return tellLook(context, asJson, await lookAgain(idOf(context), { ...why, actor: context.get("who") }));
    });
    app.post(path("replay"), operator, async (context) => {
      const body = await readSmallBody(context, asJson, ReplayBody);
      if (!body) return explain(context, asJson, 400, WRONG_REPLAY);
      const { reason, ...wish } = body;
      return tellReplay(context, asJson, await replay(idOf(context), { actor: context.get("who"), reason }, wish));
    });
    app.post(path("release"), operator, async (context) => {
      const why = await readReason(context, asJson);
      if (!why) return explain(context, asJson, 400, WRONG_REASON);
      return tellRelease(context, asJson, await release(idOf(context), { ...why, actor: context.get("who") }));
    });
  }
}

const backTo = (context: Context, run: string): Response => context.redirect(`/runs/${run}`, 303);

function tellCancel(context: Context, asJson: boolean, outcome: CancelOutcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "cancelled":
      if (!asJson) return backTo(context, outcome.run);
      return context.json({ run: outcome.run, status: "cancelled", note: outcome.note });
    case "asked":
      if (!asJson) return backTo(context, outcome.run);
      return context.json({ run: outcome.run, status: "cancelling" }, 202);
    case "ended": {
      const left = outcome.share === null ? "" : ` Its share is ${outcome.share}.`;
      return explain(context, asJson, 409, `The run is ${outcome.status}: there is nothing left to cancel.${left}`);
    }
    case "unknown_run":
      return explain(context, asJson, 404, NO_SUCH_RUN);
    default:
      return outcome satisfies never;
  }
}

function tellLook(context: Context, asJson: boolean, outcome: LookAgainOutcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "looks":
      return asJson ? context.json({ run: outcome.run, status: "running" }) : backTo(context, outcome.run);
    case "not_parked":
      return explain(context, asJson, 409, `The run is ${outcome.status}; only one that was laid aside is looked for.`);
    case "unknown_run":
      return explain(context, asJson, 404, NO_SUCH_RUN);
    default:
      return outcome satisfies never;
  }
}

function tellReplay(context: Context, asJson: boolean, outcome: ReplayOutcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "replayed":
      if (!asJson) return backTo(context, outcome.run);
      return context.json({ run: outcome.run, status: outcome.status, note: outcome.note });
    case "begun_since":
      // The same form sent twice: what it asks for is done.
      if (!asJson) return backTo(context, outcome.run);
      return explain(context, asJson, 409, `The run has begun again since; it is ${outcome.status}.`);
    case "unknown_run":
      return explain(context, asJson, 404, NO_SUCH_RUN);
    case "not_ended": {
      const which = "only runs that have ended or were laid aside can be replayed";
      return explain(context, asJson, 409, `The run is ${outcome.status}; ${which}.`);
    }
    case "rule_differs":
      return explain(context, asJson, 409, `${outcome.message}; replay it with the version it had.`);
    default:
      return outcome satisfies never;
  }
}

function tellRelease(context: Context, asJson: boolean, outcome: ReleaseOutcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "released":
      return asJson ? context.json({ run: outcome.run, status: "queued" }) : backTo(context, outcome.run);
    case "unknown_run":
      return explain(context, asJson, 404, NO_SUCH_RUN);
    case "not_held":
      return explain(context, asJson, 409, `The run is ${outcome.status}; only one that is held can be released.`);
    case "rule_paused":
      return explain(context, asJson, 409, `Its rule ${outcome.rule} is paused; resume the rule.`);
    default:
      return outcome satisfies never;
  }
}
