import type { Hono } from "hono";
import { z } from "zod";
import { BacktestQuery, BacktestReport, type BacktestRules } from "../../handlers/backtest-rules.ts";
import type { Why } from "../../handlers/cancel-run.ts";
import { type ChangeRuleState, RULE_ACTIONS, type RuleAction } from "../../handlers/change-rule-state.ts";
import type { ReadApps } from "../../handlers/read-apps.ts";
import { type ReadRules, RuleList } from "../../handlers/read-rules.ts";
import { backtestPage } from "../dashboard/backtest-page.ts";
import { rulesPage } from "../dashboard/rules-page.ts";
import { RelayError } from "../errors.ts";
import { type Guards, type MountOperation, tellForm } from "./api/mount-operations.ts";
import { type Answer, operation } from "./api/operation.ts";
import { explain } from "./explain.ts";
import { Reason, readReason, WRONG_REASON } from "./read-reason.ts";

const NO_SUCH_RULE = "There is no such rule.";
const noSuchRule = (known: readonly string[]): string => `There is no such rule; there are ${known.join(", ")}.`;

const LIST_RULES = operation({
  id: "listRules",
  method: "get",
  path: "/api/rules",
  tag: "rules",
  role: "viewer",
  summary: "The rules in force, and how they fare",
  description: "In the order of the rules file, each with its state and what it used today.",
  answers: { 200: { description: "The rules", schema: RuleList } },
});

const WORDS = {
  pause: {
    summary: "Pause a rule",
    description: "Its runs that are not at work yet are held until it is resumed. Files are taken in as before.",
  },
  resume: { summary: "Resume a rule", description: "The runs that were held because it was paused go on." },
  release: {
    summary: "Release the runs that a flood held",
    description: "Runs go on that were held because there were so many at once. The rule's state stays as it is.",
  },
} as const satisfies Readonly<Record<RuleAction, unknown>>;

const RULE_NAME = "[a-z0-9-]{1,63}";
const RuleParams = z.object({
  name: z
    .string()
    .regex(new RegExp(`^${RULE_NAME}$`))
    .describe("Name of the rule"),
});

const RuleChange = z
  .object({
    rule: z.string(),
    state: z.enum(["active", "paused"]),
    released: z.int().describe("How many runs go on by this"),
  })
  .meta({ id: "RuleChange" });

const changeRuleBy = (action: RuleAction) =>
  operation({
    id: `${action}Rule`,
    method: "post",
    path: `/api/rules/{name}/${action}`,
    tag: "rules",
    role: "operator",
    summary: WORDS[action].summary,
    description: `${WORDS[action].description} Safe to repeat.`,
    params: RuleParams,
    body: Reason,
    answers: { 200: { description: "How the rule stands now", schema: RuleChange } },
    refusals: { 404: NO_SUCH_RULE },
  });

const BACKTEST = operation({
  id: "backtestRules",
  method: "get",
  path: "/api/rules/backtest",
  tag: "rules",
  role: "operator",
  summary: "What the rules would have made of past events",
  description:
    "Starts nothing. It asks Fast.io about files that the ledger does not know, and answers when all were tried.",
  query: BacktestQuery,
  answers: {
    200: { description: "By rule: what ran, what would be new, and what not and why", schema: BacktestReport },
  },
  refusals: { 404: NO_SUCH_RULE, 502: "Fast.io does not answer, or refuses." },
});

export const RULE_OPERATIONS = [LIST_RULES, BACKTEST, ...RULE_ACTIONS.map(changeRuleBy)];

export type RuleRouteDeps = {
  readonly readRules: ReadRules;
  readonly changeRule: ChangeRuleState;
  readonly backtest: BacktestRules;
  /** They stand on the same page. */
  readonly readApps: ReadApps;
};

/** How far back the page tries a rule, and how long: a person waits for it. The command line has all the time. */
const PAGE_HOURS = 720;
const PAGE_LONGEST_MS = 15_000;

/** The rules with their states, and what an operator may do to one. */
export function mountRules(
  app: Hono,
  mount: MountOperation,
  { viewer, operator }: Guards,
  { readRules, changeRule, readApps, backtest }: RuleRouteDeps,
): void {
  mount(LIST_RULES, async () => ({ status: 200, body: await readRules() }));
  app.get("/rules", viewer, async (context) => {
    const [rules, { apps }] = await Promise.all([readRules(), readApps()]);
    return context.html(rulesPage(rules, apps, context.get("reader")));
  });
  mount(BACKTEST, async ({ query }, context) => {
    try {
      const outcome = await backtest(query, context.req.raw.signal);
      if (outcome.kind === "tried") return { status: 200, body: outcome.report };
      return { status: 404, error: noSuchRule(outcome.known) };
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      return { status: 502, error: error.message };
    }
  });
  app.get(`/rules/:name{${RULE_NAME}}/backtest`, operator, async (context) => {
    const query = { hours: PAGE_HOURS, rule: context.req.param("name") };
    try {
      const outcome = await backtest(query, context.req.raw.signal, PAGE_LONGEST_MS);
      if (outcome.kind === "unknown_rule") return explain(context, false, 404, noSuchRule(outcome.known));
      return context.html(backtestPage(query.rule, outcome.report, context.get("reader")));
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      return explain(context, false, 502, error.message);
    }
  });
  for (const action of RULE_ACTIONS) {
    const change = async (name: string, why: Why): Promise<Answer<ReturnType<typeof changeRuleBy>>> => {
      const outcome = await changeRule(name, action, why);
      if (outcome.kind === "unknown_rule") return { status: 404, error: noSuchRule(outcome.known) };
      const { rule, state, released } = outcome;
      return { status: 200, body: { rule, state, released } };
    };
    mount(changeRuleBy(action), ({ params: { name }, body }, context) =>
      change(name, { ...body, actor: context.get("who") }),
    );
    app.post(`/rules/:name{${RULE_NAME}}/${action}`, operator, async (context) => {
      const why = await readReason(context, false);
      if (!why) return explain(context, false, 400, WRONG_REASON);
      const name = context.req.param("name");
      return tellForm(context, await change(name, { ...why, actor: context.get("who") }), `/rules#rule-${name}`);
    });
  }
}
