import type { Context, Hono, MiddlewareHandler } from "hono";
import type { HandoffOutcome, OfferHandoff } from "../../handlers/offer-handoff.ts";
import { claimLinkPage } from "../dashboard/claim-link-page.ts";
import { timeOf } from "../dashboard/layout.ts";
import { explain } from "./explain.ts";

/**
 * The link by which a person takes over an organisation: `POST /api/runs/ID/claim-link` and, for the form of the run's
 * page, `POST /runs/ID/claim-link`. `?replace=true` takes an open offer back first. The link is in the answer and nowhere else.
 */
export function mountHandoff(app: Hono, admin: MiddlewareHandler, runId: string, offer: OfferHandoff): void {
  for (const base of ["/api/runs", "/runs"] as const) {
    const asJson = base === "/api/runs";
    app.post(`${base}/:id{${runId}}/claim-link`, admin, async (context) => {
      const replace = context.req.query("replace") === "true";
      const outcome = await offer(context.req.param("id") ?? "", { actor: context.get("who"), replace });
      context.header("cache-control", "no-store");
      return tellHandoff(context, asJson, outcome);
    });
  }
}

function tellHandoff(context: Context, asJson: boolean, outcome: HandoffOutcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "offered": {
      const { run, org, claimUrl, expiresAtMs } = outcome;
      return asJson
        ? context.json({ run, org, claimUrl, expiresAtMs })
        : context.html(claimLinkPage(outcome, context.get("reader")));
    }
    case "open": {
      const until =
        outcome.expiresAtMs === null ? "It is being made" : `It is open until ${timeOf(outcome.expiresAtMs)}`;
      return explain(
        context,
        asJson,
        409,
        `The organisation is offered already. ${until}, and its link was shown once. A new link takes the old one back: ask with ?replace=true.`,
      );
    }
    case "unknown_run":
      return explain(context, asJson, 404, "There is no such run.");
    case "not_wanted":
      return explain(context, asJson, 409, `The rule ${outcome.rule} did not say handoff: true when the run was made.`);
    case "not_delivered":
      return explain(
        context,
        asJson,
        409,
        `The run is ${outcome.status}; an organisation is handed over after delivery.`,
      );
    case "refused": {
      const next = outcome.nextAction === null ? "" : ` ${outcome.nextAction}`;
      return explain(context, asJson, 502, `Fast.io made no offer: ${outcome.message}.${next}`);
    }
    default:
      return outcome satisfies never;
  }
}
