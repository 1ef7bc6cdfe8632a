import type { Hono, MiddlewareHandler } from "hono";
import { type ChangeRuleState, RULE_ACTIONS } from "../../handlers/change-rule-state.ts";
import type { ReadRules } from "../../handlers/read-rules.ts";
import { rulesPage } from "../dashboard/rules-page.ts";
import { explain } from "./explain.ts";

const RULE_NAME = "[a-z0-9-]{1,63}";

export type RuleRouteDeps = { readonly readRules: ReadRules; readonly changeRule: ChangeRuleState };

/** The rules with their states, and what an operator may do to one. */
export function mountRules(
  app: Hono,
  { viewer, operator }: { readonly viewer: MiddlewareHandler; readonly operator: MiddlewareHandler },
  { readRules, changeRule }: RuleRouteDeps,
): void {
  app.get("/rules", viewer, async (context) => context.html(rulesPage(await readRules(), context.get("reader"))));
  app.get("/api/rules", viewer, async (context) => context.json(await readRules()));
  for (const action of RULE_ACTIONS) {
    app.post(`/api/rules/:name{${RULE_NAME}}/${action}`, operator, async (context) => {
      const outcome = await changeRule(context.req.param("name"), action, context.get("who"));
      return outcome.kind === "changed"
        ? context.json({ rule: outcome.rule, state: outcome.state, released: outcome.released })
        : explain(context, true, 404, "There is no such rule.");
    });
  }
}
