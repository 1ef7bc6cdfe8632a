import { PermanentError } from "../src/errors.ts";
import type { RunRow } from "../src/ledger/schema.ts";
import { type CompiledRule, compileRules } from "../src/rules/compile-rules.ts";
import { type Rendered, renderTemplate, renderText, type TemplateValues } from "../src/rules/template.ts";
import { templateValues } from "../src/rules/template-values.ts";

/** A rule's templates filled in for one run. The same run always gives the same texts. */
export type RenderedRule = {
  readonly inputs: Readonly<Record<string, Rendered | number | boolean>>;
  /** Folder names on the way down. */
  readonly folder: readonly string[];
  readonly title: string;
  readonly invite: readonly string[];
  readonly message: string | undefined;
  readonly description: string | undefined;
};

/** The rule is the one the run was made with, whatever the rules file says by now. */
export function renderForRun(run: RunRow): RenderedRule {
  const { templates } = compile(run);
  const values = valuesOf(run);
  const optional = (template: CompiledRule["templates"]["message"]) =>
    template === undefined ? undefined : renderText(template, values);
  return {
    inputs: Object.fromEntries(
      [...templates.inputs].map(([name, input]) => [
        name,
        typeof input === "object" ? renderTemplate(input, values) : input,
      ]),
    ),
    folder: templates.folder.map((template) => renderText(template, values)),
    title: renderText(templates.title, values),
    invite: templates.invite.map((template) => renderText(template, values)),
    message: optional(templates.message),
    description: optional(templates.description),
  };
}

function compile(run: RunRow): CompiledRule {
  const [compiled] = compileRules([run.rule]);
  if (!compiled) throw new PermanentError("rules_invalid", `the rule ${run.ruleName} of this run cannot be read`);
  return compiled;
}

function valuesOf(run: RunRow): TemplateValues {
  return templateValues({
    ruleName: run.ruleName,
    runId: run.id,
    eventType: run.eventType,
    actor: { id: run.actorUserId ?? undefined },
    file: { name: run.fileName, folderPath: run.folderPath, size: run.fileSize ?? undefined },
    workspace: { id: run.workspaceId, name: run.workspaceName },
    runCreatedAtMs: run.createdAtMs,
  });
}
