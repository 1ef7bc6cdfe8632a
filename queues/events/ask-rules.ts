import type { CompiledRule } from "../../src/rules/compile-rules.ts";
import { matchRule } from "../../src/rules/match.ts";
import type { MatchSubject, Mismatch, Needs } from "../../src/rules/match-subject.ts";

export type Wanted = { readonly compiled: CompiledRule; readonly notes: readonly string[] };

/** What the rules say to a file. */
export type RulesAnswer = {
  readonly wanted: readonly Wanted[];
  /** By rule: why it does not want it. */
  readonly reasons: Readonly<Record<string, string>>;
  /** By rule: the same in a word. */
  readonly mismatches: Readonly<Record<string, Mismatch>>;
  /** What some rules have to know before they can say. */
  readonly needs: ReadonlySet<Needs["needs"]>;
  /** Names of those rules. */
  readonly undecided: readonly string[];
};

/** Asks all rules about one file, as far as it is known now: some may have to know more before they can say. */
export function askRules(rules: readonly CompiledRule[], subject: MatchSubject): RulesAnswer {
  const wanted: Wanted[] = [];
  const reasons: Record<string, string> = {};
  const mismatches: Record<string, Mismatch> = {};
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
        mismatches[compiled.rule.name] = verdict.mismatch;
        break;
      case "unsure":
        needs.add(verdict.needs);
        undecided.push(compiled.rule.name);
        break;
      default:
        verdict satisfies never;
    }
  }
  return { wanted, reasons, mismatches, needs, undecided };
}
