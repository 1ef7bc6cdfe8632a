import { PermanentError } from "../src/errors.ts";
import type { RunRow } from "../src/ledger/schema.ts";
import { type CompiledRule, compileRules } from "../src/rules/compile-rules.ts";
import {
  type DeliveryTexts,
  type RenderedInput,
  renderDelivery,
  renderInputs,
  renderOutputs,
  type WantedOutput,
} from "../src/rules/delivery-texts.ts";
import type { Rule } from "../src/rules/rule.ts";
import { renderText } from "../src/rules/template.ts";
import { templateValues } from "../src/rules/template-values.ts";

/**
 * What a run sends to Dify: the rule's templates filled in, and the answers to its questions.
 * The rule is the one the run was made with, whatever the rules file says by now.
 */
export const inputsOf = (run: RunRow): ReadonlyMap<string, RenderedInput> => {
  const inputs = new Map(renderInputs(compile(run), valuesOf(run)));
  for (const { into } of run.rule.run.ask ?? []) {
    const value = run.answerTexts[into];
    if (value) inputs.set(into, { kind: "value", value });
  }
  return inputs;
};

/** The run as if questions that were not asked yet were answered: to check what it will send. */
export const asIfAnswered = (run: RunRow): RunRow => ({
  ...run,
  answerTexts: { ...Object.fromEntries((run.rule.run.ask ?? []).map(({ into }) => [into, "?"])), ...run.answerTexts },
});

/** The questions of one phase with their templates filled in, in the order of the rule. */
export const questionsOf = (run: RunRow, phase: "before" | "after"): readonly string[] =>
  compile(run).templates.questions[phase].map((question) => renderText(question, valuesOf(run)).trim());

/** What a run's delivery is called and whom it reaches. The same run always gives the same texts. */
export const deliveryOf = (run: RunRow): DeliveryTexts => renderDelivery(compile(run), valuesOf(run));

/** What is handed on of the outputs; undefined: all there is. */
export const outputsWantedBy = (run: RunRow): readonly WantedOutput[] | undefined =>
  renderOutputs(compile(run), valuesOf(run));

/** By the rule as a claim brought it: one claim asks for texts half a dozen times, and to compile takes longer than to fill in. */
const compiledRules = new WeakMap<Rule, CompiledRule>();

function compile({ rule, ruleName }: RunRow): CompiledRule {
  const known = compiledRules.get(rule);
  if (known) return known;
  const [compiled] = compileRules([rule]);
  if (!compiled) throw new PermanentError("rules_invalid", `the rule ${ruleName} of this run cannot be read`);
  compiledRules.set(rule, compiled);
  return compiled;
}

/** Names of the outputs that texts of the delivery hold. */
export const outputsToldOf = (run: RunRow): ReadonlySet<string> => compile(run).mentionedOutputs;

const valuesOf = (run: RunRow) =>
  templateValues({
    ruleName: run.ruleName,
    runId: run.id,
    eventType: run.eventType,
    actor: { id: run.actorUserId ?? undefined, email: run.actorEmail ?? undefined },
    file: { name: run.fileName, folderPath: run.folderPath, size: run.fileSize ?? undefined },
    fileCount: run.fileCount,
    workspace: { id: run.workspaceId, name: run.workspaceName },
    runCreatedAtMs: run.createdAtMs,
    outputs: run.outputTexts,
    answers: Object.fromEntries(Object.entries(run.answerTexts).filter(([, text]) => text !== "")),
  });
