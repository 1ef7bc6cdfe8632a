import { z } from "zod";
import { issueWords } from "../../src/text/issue-words.ts";
import { malformed } from "./refuse.ts";
import type { Json, Tool } from "./tool.ts";

type FieldType = "string" | "integer" | "number" | "boolean";

/**
 * Reads what a caller filled in. Query strings and forms carry text only, and models fill in nothing as "" or null:
 * both are understood, and then it must fit.
 *
 * @throws {ToolRefusal} 400, naming every field that does not fit
 */
export function readInput({ input, takesFile }: Pick<Tool, "input" | "takesFile">, raw: unknown): Json {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw malformed("the input must be a JSON object");
  // Half a character fits no address, no header and no name of Fast.io's: every one of them would fail further in.
  const broken = Object.entries(raw).find(([, value]) => typeof value === "string" && !value.isWellFormed());
  if (broken !== undefined) throw malformed(`${broken[0].slice(0, 60)}: holds half a character (a lone surrogate)`);
  // Nor can the ledger keep this one, of which the call's answer would then never be told.
  const unkept = Object.entries(raw).find(([, value]) => typeof value === "string" && value.includes("\u0000"));
  if (unkept !== undefined) throw malformed(`${unkept[0].slice(0, 60)}: holds U+0000, which no text has`);
  const types = fieldTypes(input);
  const given = Object.entries(raw)
    .filter(([, value]) => value !== "" && value !== null)
    // The file itself comes as a part of the form.
    .filter(([name]) => !(takesFile === true && name === "file"))
    .map(([name, value]) => [name, typeof value === "string" ? fromText(value, types.get(name)) : value]);
  const parsed = input.safeParse(Object.fromEntries(given));
  if (parsed.success) return parsed.data;
  throw malformed(parsed.error.issues.map(sayIssue).join("; "));
}

function fromText(text: string, type: FieldType | undefined): unknown {
  if (type === "boolean" && /^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  if ((type === "integer" || type === "number") && /^-?\d{1,15}(\.\d{1,6})?$/.test(text.trim())) return Number(text);
  return text;
}

/** The JSON type of each field. */
function fieldTypes(input: z.ZodObject): ReadonlyMap<string, FieldType> {
  const { properties = {} } = z.toJSONSchema(input, { io: "input" });
  return new Map(
    Object.entries(properties).flatMap(([name, property]) =>
      typeof property === "object" && isFieldType(property.type) ? [[name, property.type] as const] : [],
    ),
  );
}

const isFieldType = (type: unknown): type is FieldType =>
  type === "string" || type === "integer" || type === "number" || type === "boolean";

function sayIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return `there is no field ${issue.keys.map((key) => key.slice(0, 60)).join(", ")}`;
  const field = issue.path.join(".");
  return `${field}: ${issueWords(issue)}`;
}
