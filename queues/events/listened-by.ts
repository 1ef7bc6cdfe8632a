import type { Listened } from "../../src/ledger/settle-unlistened.ts";
import type { CompiledRule } from "../../src/rules/compile-rules.ts";

/** What rules listen to, and of that what is nothing to them when the relay itself did it. */
function listenedBy(rules: readonly CompiledRule[], selfUserId: string | undefined): Listened {
  const types = [...new Set(rules.flatMap(({ rule }) => rule.when.events))];
  const listening = (type: string) => rules.filter(({ rule }) => rule.when.events.some((heard) => heard === type));
  return { types, notOwn: types.filter((type) => listening(type).every(leavesOwnOut)), selfUserId };
}

/** Whether a rule never takes what the relay itself brings. */
export const leavesOwnOut = ({ rule: { when } }: CompiledRule): boolean =>
  when.outputsOf === undefined && when.exclude.actors.includes("self");

/** The same of the rules in force, worked out anew only when something has changed. */
export function createListened(
  rulesNow: () => readonly CompiledRule[],
  selfUserId: () => string | undefined,
): () => Listened {
  let known: { readonly rules: readonly CompiledRule[]; readonly listened: Listened } | undefined;
  return () => {
    const [rules, self] = [rulesNow(), selfUserId()];
    if (known?.rules !== rules || known.listened.selfUserId !== self)
      known = { rules, listened: listenedBy(rules, self) };
    return known.listened;
  };
}
