import type { Dify, DifyParameters } from "../dify/types.ts";
import { messageOf } from "../message-of.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { checkRuleInputs, type InputsFit } from "./check-rule-inputs.ts";

/** What does not fit between a rule's inputs and its app; `unanswered`: why the app could not be asked. */
export type InputsVerdict = InputsFit & {
  readonly rule: string;
  readonly unanswered?: string;
};

/** Checks each rule's inputs against what its app declares; each app is asked once. */
export async function checkInputsOfRules(
  { difyFor }: { readonly difyFor: (keyVariable: string) => Pick<Dify, "readParameters"> },
  rules: readonly CompiledRule[],
  signal: AbortSignal,
): Promise<readonly InputsVerdict[]> {
  const apps = new Map<string, Promise<DifyParameters>>();
  const declaredBy = (keyVariable: string): Promise<DifyParameters> => {
    const asked = apps.get(keyVariable) ?? (async () => difyFor(keyVariable).readParameters(signal))();
    apps.set(keyVariable, asked);
    return asked;
  };
  return Promise.all(
    rules.map(async (compiled) => {
      const { name, run } = compiled.rule;
      try {
        return { rule: name, ...checkRuleInputs(compiled, await declaredBy(run.keyVariable)) };
      } catch (error) {
        signal.throwIfAborted();
        return { rule: name, faults: [], notes: [], unanswered: `${run.keyVariable}: ${messageOf(error)}` };
      }
    }),
  );
}
