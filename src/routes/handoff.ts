import type { Hono } from "hono";
import { z } from "zod";
import type { HandoffOutcome, OfferHandoff } from "../../handlers/offer-handoff.ts";
import { claimLinkPage } from "../dashboard/claim-link-page.ts";
import { timeOf } from "../text/figures.ts";
import { type Guards, type MountOperation, tellForm } from "./api/mount-operations.ts";
import { type Answer, operation } from "./api/operation.ts";
import { explain } from "./explain.ts";
import { Reason, readReason, WRONG_REASON } from "./read-reason.ts";
import { NO_SUCH_RUN, RUN_ID, RunParams } from "./runs.ts";

const OFFER_HANDOFF = operation({
  id: "offerHandoff",
  method: "post",
  path: "/api/runs/{id}/claim-link",
  tag: "runs",
  role: "admin",
  summary: "Make the link that hands the organisation over",
  description:
    "For delivered runs whose rule says `handoff: true`. Whoever opens the link becomes the organisation's owner: it is in this answer and nowhere else.",
  params: RunParams,
  query: z.strictObject({
    replace: z.enum(["true", "false"]).default("false").describe("Whether an offer that is open is taken back first"),
  }),
  body: Reason,
  bodyExample: { reason: "the client takes over" },
  answers: {
    200: {
      description: "The link",
      schema: z
        .object({ run: z.string(), org: z.string(), claimUrl: z.string(), expiresAtMs: z.int() })
        .meta({ id: "ClaimLink" }),
    },
  },
  refusals: {
    404: NO_SUCH_RUN,
    409: "It is offered already, its rule did not ask for it, or the run is not delivered",
    502: "Fast.io made no offer",
  },
});

export const HANDOFF_OPERATIONS = [OFFER_HANDOFF];

/** The link by which a person takes over an organisation, as JSON and for the form of the run's page. */
export function mountHandoff(app: Hono, mount: MountOperation, { admin }: Guards, offer: OfferHandoff): void {
  mount(OFFER_HANDOFF, async ({ params: { id }, query, body: { reason } }, context) =>
    tellHandoff(await offer(id, { actor: context.get("who"), reason, replace: query.replace === "true" })),
  );
  app.post(`/runs/:id{${RUN_ID}}/claim-link`, admin, async (context) => {
    const id = context.req.param("id") ?? "";
    const replace = context.req.query("replace") === "true";
    const why = await readReason(context, false);
    if (!why) return explain(context, false, 400, WRONG_REASON);
    const outcome = await offer(id, { actor: context.get("who"), reason: why.reason, replace });
    context.header("cache-control", "no-store");
    return outcome.kind === "offered"
      ? context.html(claimLinkPage(outcome, context.get("reader")))
      : tellForm(context, tellHandoff(outcome), `/runs/${id}`);
  });
}

function tellHandoff(outcome: HandoffOutcome): Answer<typeof OFFER_HANDOFF> {
  switch (outcome.kind) {
    case "offered": {
      const { run, org, claimUrl, expiresAtMs } = outcome;
      return { status: 200, body: { run, org, claimUrl, expiresAtMs } };
    }
    case "open": {
      const until =
        outcome.expiresAtMs === null ? "It is being made" : `It is open until ${timeOf(outcome.expiresAtMs)}`;
      return {
        status: 409,
        error: `The organisation is offered already. ${until}, and its link was shown once. A new link takes the old one back: ask with ?replace=true.`,
      };
    }
    case "unknown_run":
      return { status: 404, error: NO_SUCH_RUN };
    case "not_wanted":
      return { status: 409, error: `The rule ${outcome.rule} did not say handoff: true when the run was made.` };
    case "not_delivered":
      return { status: 409, error: `The run is ${outcome.status}; an organisation is handed over after delivery.` };
    case "refused": {
      const next = outcome.nextAction === null ? "" : ` ${outcome.nextAction}`;
      return { status: 502, error: `Fast.io made no offer: ${outcome.message}.${next}` };
    }
    default:
      return outcome satisfies never;
  }
}
