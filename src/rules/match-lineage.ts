import { orList } from "../text/or-list.ts";
import type { Check } from "./match-subject.ts";
import { DEFAULT_MAX_DEPTH } from "./rule.ts";

/**
 * The loop shield, as far as a rule can see it: what the relay has delivered starts nothing, unless the rule asks for the
 * outputs of the rule that delivered it, which is never itself, and the chain is not too long.
 */
export const outputTaken: Check = ({ rule }, { origin }) => {
  const { outputsOf } = rule.when;
  if (outputsOf === undefined) {
    if (origin === undefined) return undefined;
    return origin.kind === "output"
      ? `it is an output of rule ${last(origin.chain)}, and the rule does not name that in outputsOf`
      : `it lies in the folder of a run of rule ${last(origin.chain)}: what is there starts nothing`;
  }
  const wanted = outputsOf.includes("*") ? "any other rule" : orList(outputsOf);
  if (origin?.kind !== "output") return `it is no output of a rule, the rule wants those of ${wanted}`;
  const maker = last(origin.chain);
  if (maker === rule.name) return "it is an output of this very rule, and a rule never takes its own";
  if (!outputsOf.includes("*") && !outputsOf.includes(maker))
    return `it is an output of rule ${maker}, the rule wants those of ${wanted}`;
  const maxDepth = rule.maxDepth ?? DEFAULT_MAX_DEPTH;
  return origin.depth <= maxDepth
    ? undefined
    : `the chain ends here: ${[...origin.chain, rule.name].join(" → ")} would be ${origin.depth} deep, and maxDepth is ${maxDepth}`;
};

const last = (chain: readonly [string, ...string[]]): string => chain.at(-1) ?? chain[0];
