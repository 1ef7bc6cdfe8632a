import { quote } from "./quote.ts";
import type { Rule } from "./rule.ts";
import type { RuleFault } from "./rule-fault.ts";
import { suggest } from "./suggest.ts";
import { compileTemplate } from "./template.ts";
import { type Family, RESULT_NAMES } from "./template-names.ts";

const TEXTS = ["folder", "title", "message", "description"] as const;
/** Written after the outputs are placed, so that questions about them are answered by then. */
const LATE_TEXTS: readonly (typeof TEXTS)[number][] = ["message", "description"];

/** Outputs and answers that texts of a rule hold, and that the rule does not have. */
export function referenceFaults({ run, deliver }: Rule): RuleFault[] {
  const named = (asks: Rule["run"]["ask"]) => asks?.map(({ into }) => into) ?? [];
  const early = named(run.ask);
  const late = named(deliver.ask);
  const outputs = deliver.outputs?.map(({ name }) => name);
  const faults: RuleFault[] = [];
  for (const text of TEXTS) {
    const answers = LATE_TEXTS.includes(text) ? [...early, ...late] : early;
    for (const { family, key } of referencesIn(deliver[text])) {
      const known = family === "answers" ? answers : outputs;
      if (known === undefined || known.includes(key)) continue;
      const holds = `holds ${quote(`{{ ${family}.${key} }}`)}`;
      const tooEarly = family === "answers" && late.includes(key);
      const message = tooEarly
        ? `${holds}, which is answered later; it can stand in ${LATE_TEXTS.join(" and ")}`
        : `${holds}, and ${MISSING[family]}${hintOf(family, key, known)}`;
      faults.push({ path: ["deliver", text], message });
    }
  }
  return faults;
}

const MISSING: Readonly<Record<Family, string>> = {
  outputs: "deliver.outputs does not name it",
  answers: "no question of the rule is answered into it",
};

function hintOf(family: Family, key: string, known: readonly string[]): string {
  const near = suggest(key, known);
  if (near !== undefined) return `; did you mean "{{ ${family}.${near} }}"?`;
  return known.length === 0 ? "" : `; there are ${known.join(", ")}`;
}

function referencesIn(text: string | undefined): readonly { readonly family: Family; readonly key: string }[] {
  const read = text === undefined ? undefined : compileTemplate(text, RESULT_NAMES);
  if (read?.kind !== "template" || read.template.kind !== "text") return [];
  return read.template.parts.flatMap((part) => (typeof part === "object" && part.of ? [part.of] : []));
}
