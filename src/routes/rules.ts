import type { Hono, MiddlewareHandler } from "hono";
import { type ChangeRuleState, RULE_ACTIONS } from "../../handlers/change-rule-state.ts";
import type { ReadApps } from "../../handlers/read-apps.ts";
import type { ReadRules } from "../../handlers/read-rules.ts";
import { rulesPage } from "../dashboard/rules-page.ts";
import { explain } from "./explain.ts";
import { readReason, WRONG_REASON } from "./read-reason.ts";

const RULE_NAME = "[a-z0-9-]{1,63}";

export type RuleRouteDeps = {
  readonly readRules: ReadRules;
  readonly changeRule: ChangeRuleState;
  /** They stand on the same page. */
  readonly readApps: ReadApps;
};

/** The rules with their states, and what an operator may do to one. */
export function mountRules(
  app: Hono,
  { viewer, operator }: { readonly viewer: MiddlewareHandler; readonly operator: MiddlewareHandler },
  { readRules, changeRule, readApps }: RuleRouteDeps,
): void {
  app.get("/rules", viewer, async (context) => {
    const [rules, { apps }] = await Promise.all([readRules(), readApps()]);
    return context.html(rulesPage(rules, apps, context.get("reader")));
  });
  app.get("/api/rules", viewer, async (context) => context.json(await readRules()));
  for (const base of ["/api/rules", "/rules"] as const) {
    const asJson = base === "/api/rules";
    for (const action of RULE_ACTIONS) {
      app.post(`${base}/:name{${RULE_NAME}}/${action}`, operator, async (context) => {
        const why = await readReason(context, asJson);
        if (!why) return explain(context, asJson, 400, WRONG_REASON);
        const outcome = await changeRule(context.req.param("name"), action, { ...why, actor: context.get("who") });
        if (outcome.kind === "unknown_rule") return explain(context, asJson, 404, "There is no such rule.");
        if (!asJson) return context.redirect(`/rules#rule-${outcome.rule}`, 303);
        return context.json({ rule: outcome.rule, state: outcome.state, released: outcome.released });
      });
    }
  }
}
