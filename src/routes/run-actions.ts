import type { Context, Hono } from "hono";
import { z } from "zod";
import type { CancelOutcome, CancelRun, LookAgain, LookAgainOutcome, Why } from "../../handlers/cancel-run.ts";
import type { ReleaseOutcome, ReleaseRun } from "../../handlers/release-run.ts";
import { ReplayBody, type ReplayOutcome, type ReplayRun } from "../../handlers/replay-run.ts";
import { RunStatusSchema } from "../../handlers/run-schemas.ts";
import { type AnyAnswer, type Guards, type MountOperation, tellForm } from "./api/mount-operations.ts";
import { type Answer, operation } from "./api/operation.ts";
import { explain } from "./explain.ts";
import { Reason, readReason, readSmallBody, WRONG_REASON } from "./read-reason.ts";
import { NO_SUCH_RUN, RUN_ID, RunParams } from "./runs.ts";

export type RunActionDeps = {
  readonly cancel: CancelRun;
  readonly lookAgain: LookAgain;
  readonly replay: ReplayRun;
  readonly release: ReleaseRun;
};

const WRONG_REPLAY = "The form may have a version, newest or same, a reason, and the generation that was seen.";

const CANCEL_RUN = operation({
  id: "cancelRun",
  method: "post",
  path: "/api/runs/{id}/cancel",
  tag: "runs",
  role: "operator",
  summary: "Cancel a run",
  description:
    "It stops wherever it is on its way; a workflow that runs is told to stop. Outputs or a share that stand in Fast.io already stay there. Safe to repeat; the first reason stands.",
  params: RunParams,
  body: Reason,
  bodyExample: { reason: "uploaded by mistake" },
  answers: {
    200: {
      description: "It is cancelled",
      schema: z.object({
        run: z.string(),
        status: z.literal("cancelled"),
        note: z.string().describe("What is known of what was under way"),
      }),
    },
    202: {
      description: "It is written down, and carried out as soon as it can be",
      schema: z.object({ run: z.string(), status: z.literal("cancelling") }),
    },
  },
  refusals: { 404: NO_SUCH_RUN, 409: "It had ended otherwise" },
});

const LOOK_AGAIN = operation({
  id: "lookAgain",
  method: "post",
  path: "/api/runs/{id}/look-again",
  tag: "runs",
  role: "operator",
  summary: "Look once more for what became of a run",
  description: "For runs that were laid aside because nobody could tell what became of their workflow.",
  params: RunParams,
  body: Reason,
  answers: {
    200: {
      description: "It is looked for",
      schema: z.object({ run: z.string(), status: z.literal("running") }),
    },
  },
  refusals: { 404: NO_SUCH_RUN, 409: "It was not laid aside" },
});

const REPLAY_RUN = operation({
  id: "replayRun",
  method: "post",
  path: "/api/runs/{id}/replay",
  tag: "runs",
  role: "operator",
  summary: "Let a run begin again",
  description:
    "For runs that have ended or were laid aside. It runs the rule as the file has it now and the published workflow, or with `version` same both as they were. With `seen`, a request that is sent twice begins it once.",
  params: RunParams,
  body: ReplayBody,
  bodyExample: { version: "newest", reason: "the prompt is mended" },
  answers: {
    200: {
      description: "It begins again",
      schema: z.object({
        run: z.string(),
        status: RunStatusSchema,
        note: z
          .string()
          .nullable()
          .describe("What could not be had of the version that was asked for; null: all of it"),
      }),
    },
  },
  refusals: {
    404: NO_SUCH_RUN,
    409: "It is on its way, has begun again since it was seen, or its rule has become another one",
  },
});

const RELEASE_RUN = operation({
  id: "releaseRun",
  method: "post",
  path: "/api/runs/{id}/release",
  tag: "runs",
  role: "operator",
  summary: "Let one held run go on",
  description:
    "For runs that were held because there were so many, or by the limit of a day. Asked twice, it goes on once.",
  params: RunParams,
  body: Reason,
  answers: {
    200: {
      description: "It waits for its turn",
      schema: z.object({ run: z.string(), status: z.literal("queued") }),
    },
  },
  refusals: { 404: NO_SUCH_RUN, 409: "It is not held, or its rule is paused" },
});

export const RUN_ACTION_OPERATIONS = [CANCEL_RUN, LOOK_AGAIN, REPLAY_RUN, RELEASE_RUN];

/**
 * What an operator does to one run: each as `POST /api/runs/ID/…`, told as JSON, and as `POST /runs/ID/…`, which the
 * forms of the run's page send and which leads back to it.
 */
export function mountRunActions(
  app: Hono,
  mount: MountOperation,
  { operator }: Guards,
  { cancel, lookAgain, replay, release }: RunActionDeps,
): void {
  mount(CANCEL_RUN, async ({ params: { id }, body }, context) =>
    tellCancel(await cancel(id, { ...body, actor: context.get("who") })),
  );
  mount(LOOK_AGAIN, async ({ params: { id }, body }, context) =>
    tellLook(await lookAgain(id, { ...body, actor: context.get("who") })),
  );
  mount(REPLAY_RUN, async ({ params: { id }, body: { reason, ...wish } }, context) =>
    tellReplay(await replay(id, { actor: context.get("who"), reason }, wish)),
  );
  mount(RELEASE_RUN, async ({ params: { id }, body }, context) =>
    tellRelease(await release(id, { ...body, actor: context.get("who") })),
  );

  const idOf = (context: Context): string => context.req.param("id") ?? "";
  const path = (action: string): string => `/runs/:id{${RUN_ID}}/${action}`;
  const page = (context: Context): string => `/runs/${idOf(context)}`;
  const withReason = (action: string, act: (id: string, why: Why) => Promise<AnyAnswer>): void => {
    app.post(path(action), operator, async (context) => {
      const why = await readReason(context, false);
      if (!why) return explain(context, false, 400, WRONG_REASON);
      const answer = await act(idOf(context), { ...why, actor: context.get("who") });
      return tellForm(context, answer, page(context));
    });
  };
  withReason("cancel", async (id, why) => tellCancel(await cancel(id, why)));
  withReason("look-again", async (id, why) => tellLook(await lookAgain(id, why)));
  withReason("release", async (id, why) => tellRelease(await release(id, why)));
  app.post(path("replay"), operator, async (context) => {
    const body = await readSmallBody(context, false, ReplayBody);
    if (!body) return explain(context, false, 400, WRONG_REPLAY);
    const { reason, ...wish } = body;
    const outcome = await replay(idOf(context), { actor: context.get("who"), reason }, wish);
    // The same form sent twice: what it asks for is done.
    if (outcome.kind === "begun_since") return context.redirect(page(context), 303);
    return tellForm(context, tellReplay(outcome), page(context));
  });
}

function tellCancel(outcome: CancelOutcome): Answer<typeof CANCEL_RUN> {
  switch (outcome.kind) {
    case "cancelled":
      return { status: 200, body: { run: outcome.run, status: "cancelled", note: outcome.note } };
    case "asked":
      return { status: 202, body: { run: outcome.run, status: "cancelling" } };
    case "ended": {
      const left = outcome.share === null ? "" : ` Its share is ${outcome.share}.`;
      return { status: 409, error: `The run is ${outcome.status}: there is nothing left to cancel.${left}` };
    }
    case "unknown_run":
      return { status: 404, error: NO_SUCH_RUN };
    default:
      return outcome satisfies never;
  }
}

function tellLook(outcome: LookAgainOutcome): Answer<typeof LOOK_AGAIN> {
  switch (outcome.kind) {
    case "looks":
      return { status: 200, body: { run: outcome.run, status: "running" } };
    case "not_parked":
      return { status: 409, error: `The run is ${outcome.status}; only one that was laid aside is looked for.` };
    case "unknown_run":
      return { status: 404, error: NO_SUCH_RUN };
    default:
      return outcome satisfies never;
  }
}

function tellReplay(outcome: ReplayOutcome): Answer<typeof REPLAY_RUN> {
  switch (outcome.kind) {
    case "replayed":
      return { status: 200, body: { run: outcome.run, status: outcome.status, note: outcome.note } };
    case "begun_since":
      return { status: 409, error: `The run has begun again since; it is ${outcome.status}.` };
    case "unknown_run":
      return { status: 404, error: NO_SUCH_RUN };
    case "not_ended": {
      const which = "only runs that have ended or were laid aside can be replayed";
      return { status: 409, error: `The run is ${outcome.status}; ${which}.` };
    }
    case "rule_differs":
      return { status: 409, error: `${outcome.message}; replay it with the version it had.` };
    default:
      return outcome satisfies never;
  }
}

function tellRelease(outcome: ReleaseOutcome): Answer<typeof RELEASE_RUN> {
  switch (outcome.kind) {
    case "released":
      return { status: 200, body: { run: outcome.run, status: "queued" } };
    case "unknown_run":
      return { status: 404, error: NO_SUCH_RUN };
    case "not_held":
      return { status: 409, error: `The run is ${outcome.status}; only one that is held can be released.` };
    case "rule_paused":
      return { status: 409, error: `Its rule ${outcome.rule} is paused; resume the rule.` };
    default:
      return outcome satisfies never;
  }
}
