import type { Dify, DifyInput } from "../dify/types.ts";
import { messageOf } from "../message-of.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { checkRuleInputs } from "./check-rule-inputs.ts";

/** What does not fit between a rule's inputs and its app; `unanswered`: why the app could not be asked. */
export type InputsVerdict = {
  readonly rule: string;
  readonly faults: readonly string[];
  readonly unanswered?: string;
};

/** Checks each rule's inputs against what its app declares; each app is asked once. */
export async function checkInputsOfRules(
  { difyFor }: { readonly difyFor: (keyVariable: string) => Pick<Dify, "readInputs"> },
  rules: readonly CompiledRule[],
  signal: AbortSignal,
): Promise<readonly InputsVerdict[]> {
  const apps = new Map<string, Promise<readonly DifyInput[]>>();
  const declaredBy = (keyVariable: string): Promise<readonly DifyInput[]> => {
    const asked = apps.get(keyVariable) ?? (async () => difyFor(keyVariable).readInputs(signal))();
    apps.set(keyVariable, asked);
    return asked;
  };
  return Promise.all(
    rules.map(async (compiled) => {
      const { name, run } = compiled.rule;
      try {
        return { rule: name, faults: checkRuleInputs(compiled, await declaredBy(run.keyVariable)) };
      } catch (error) {
        signal.throwIfAborted();
        return { rule: name, faults: [], unanswered: `${run.keyVariable}: ${messageOf(error)}` };
      }
    }),
  );
}
