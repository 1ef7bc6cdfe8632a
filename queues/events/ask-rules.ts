import type { CompiledRule } from "../../src/rules/compile-rules.ts";
import { matchRule } from "../../src/rules/match.ts";
import type { MatchSubject, Needs } from "../../src/rules/match-subject.ts";

export type Wanted = { readonly compiled: CompiledRule; readonly notes: readonly string[] };

/** What the rules say to a file. */
export type RulesAnswer = {
  readonly wanted: readonly Wanted[];
  /** By rule: why it does not want it. */
  readonly reasons: Readonly<Record<string, string>>;
  /** What some rules have to know before they can say. */
  readonly needs: ReadonlySet<Needs["needs"]>;
  /** Names of those rules. */
  readonly undecided: readonly string[];
};

export function askRules(rules: readonly CompiledRule[], subject: MatchSubject): RulesAnswer {
  const wanted: Wanted[] = [];
  const reasons: Record<string, string> = {};
  const needs = new Set<Needs["needs"]>();
  const undecided: string[] = [];
  for (const compiled of rules) {
    const verdict = matchRule(compiled, subject);
    switch (verdict.kind) {
      case "match":
        wanted.push({ compiled, notes: verdict.note === undefined ? [] : [verdict.note] });
        break;
      case "no_match":
        reasons[compiled.rule.name] = verdict.reason;
        break;
      case "unsure":
        needs.add(verdict.needs);
        undecided.push(compiled.rule.name);
        break;
      default:
        verdict satisfies never;
    }
  }
  return { wanted, reasons, needs, undecided };
}
