import { z } from "zod";
import { text } from "./fields.ts";
import type { Rule } from "./rule.ts";

const MAX_NAMES = 100;

const which = z.union([z.boolean(), z.array(text).max(MAX_NAMES)], "must be true, false or a list of names");

/** What of the values that go through a run its page may show. */
export const ShowSchema = z.strictObject({ inputs: which.optional(), outputs: which.optional() });

/** The side of the workflow that a value stands on. */
export type Side = "inputs" | "outputs";

/**
 * Whether a value may be kept for and shown on the run's page. Unsaid, inputs are shown, being what the rule itself
 * wrote; what a workflow made is shown of shadow rules alone, which show it nowhere else.
 * @param name the Dify variable, or what the rule calls an answer
 */
export function mayShow({ show, shadow }: Pick<Rule, "show" | "shadow">, side: Side, name: string): boolean {
  const said = show?.[side];
  if (said === undefined) return side === "inputs" || shadow === true;
  return typeof said === "boolean" ? said : said.includes(name);
}

/** Whether the rule says that a value is not to be shown, where it would be unless it did. */
export const isHidden = (rule: Pick<Rule, "show">, side: Side, name: string): boolean =>
  rule.show?.[side] !== undefined && !mayShow(rule, side, name);
