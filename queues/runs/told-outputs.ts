import { withoutFiles } from "../../src/dify/find-output-files.ts";
import { cutTo } from "../../src/rules/cut-to.ts";
import { storableText } from "../../src/text/storable-text.ts";

/** Characters of one output that texts of a delivery may hold. */
const MAX_TOLD_CHARS = 4_000;

/**
 * Outputs as texts of the delivery hold them: text as it is, other values as JSON, files not at all.
 * Kept apart from the outputs themselves, which leave the ledger when they are placed; texts are needed after that.
 */
export function toldOutputs(
  outputs: Readonly<Record<string, unknown>>,
  names: Iterable<string>,
): Readonly<Record<string, string>> {
  const told: Record<string, string> = {};
  for (const name of names) {
    const value = Object.hasOwn(outputs, name) ? withoutFiles(outputs[name]) : undefined;
    if (value === undefined || value === null) continue;
    const text = typeof value === "string" ? value : JSON.stringify(value);
    told[name] = cutTo(storableText(text), MAX_TOLD_CHARS);
  }
  return told;
}
