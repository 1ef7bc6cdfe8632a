import { type FieldRow, invalidInput } from "./faults.ts";
import { parsePlainTime, parseTime } from "./times.ts";

/** What the caller sent, by field name: strings from forms and queries, anything from JSON bodies. */
export type Fields = ReadonlyMap<string, unknown>;

export type TextRule = {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  /** Names people use by mistake, told back to them as `received_alias`. */
  readonly mistaken?: readonly string[];
};

/**
 * Reads fields one by one and collects everything that is wrong, so that one answer names all of it.
 * Call `done()` before the values are used.
 */
export type FieldReader = {
  required(name: string, rule?: TextRule): string;
  optional(name: string, rule?: TextRule): string | undefined;
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined;
  bool(name: string): boolean | undefined;
  requiredBool(name: string): boolean;
  /** Whole number in the range, bounds included. */
  int(name: string, min: number, max: number): number | undefined;
  /** Value of a field that carries JSON as text (or is JSON already). */
  json(name: string): unknown;
  time(name: string): number | undefined;
  /** The one form `YYYY-MM-DD HH:MM:SS`. */
  plainTime(name: string): number | undefined;
  wrong(name: string, message: string): void;
  /** @throws {ApiRefusal} naming every field that was missing or invalid */
  done(): void;
};

const textOf = (value: unknown): string | undefined =>
  typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined;

export function readFields(fields: Fields): FieldReader {
  const rows: FieldRow[] = [];
  const wrong = (name: string, message: string, expected?: string): undefined => {
    rows.push({ name, kind: "invalid", message, code: 10023, ...(expected ? { expected_type: expected } : {}) });
    return undefined;
  };
  const missing = (name: string, mistaken: readonly string[] = []): void => {
    const alias = mistaken.find((candidate) => fields.has(candidate));
    rows.push({
      name,
      kind: "missing",
      message: `The field ${name} is required.`,
      code: 10022,
      ...(alias === undefined ? {} : { received_alias: alias }),
    });
  };
  const optional = (name: string, rule: TextRule = {}): string | undefined => {
    if (!fields.has(name)) return undefined;
    const value = textOf(fields.get(name));
    if (value === undefined) return wrong(name, `The field ${name} must be a string.`, "string");
    const length = [...value].length;
    if (length < (rule.min ?? 0) || length > (rule.max ?? 65_536))
      return wrong(name, `The field ${name} must have ${rule.min ?? 0} to ${rule.max ?? 65_536} characters.`);
    if (rule.pattern && !rule.pattern.test(value)) return wrong(name, `The field ${name} has an invalid form.`);
    return value;
  };
  const bool = (name: string): boolean | undefined => {
    const value = fields.get(name);
    if (value === undefined) return undefined;
    if (value === true || value === "true") return true;
    if (value === false || value === "false") return false;
    return wrong(name, `The field ${name} must be true or false.`, "boolean");
  };
  const time = (name: string, parse: typeof parseTime): number | undefined => {
    const value = textOf(fields.get(name));
    if (value === undefined || value === "") return undefined;
    return parse(value) ?? wrong(name, "Write times as YYYY-MM-DD HH:MM:SS.", "datetime");
  };
  return {
    required: (name, rule = {}) => {
      if (!fields.has(name) || fields.get(name) === "") {
        missing(name, rule.mistaken);
        return "";
      }
      return optional(name, rule) ?? "";
    },
    optional,
    choice: (name, choices) => {
      const value = textOf(fields.get(name));
      if (value === undefined) return undefined;
      return choices.find((choice) => choice === value) ?? wrong(name, `Allowed: ${choices.join(", ")}.`, "enum");
    },
    bool,
    requiredBool: (name) => {
      if (!fields.has(name)) missing(name);
      return bool(name) ?? false;
    },
    int: (name, min, max) => {
      const value = textOf(fields.get(name));
      if (value === undefined) return undefined;
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      return number >= min && number <= max ? number : wrong(name, `Allowed: ${min} to ${max}.`, "integer");
    },
    json: (name) => {
      const value = fields.get(name);
      if (typeof value !== "string" || value === "") return value === "" ? undefined : value;
      try {
        return JSON.parse(value) as unknown;
      } catch {
        return wrong(name, `The field ${name} must be JSON.`, "json");
      }
    },
    time: (name) => time(name, parseTime),
    plainTime: (name) => time(name, parsePlainTime),
    wrong: (name, message) => void wrong(name, message),
    done: () => {
      if (rows.length > 0) throw invalidInput(rows);
    },
  };
}

/** A map or a list, as a member of what was sent as JSON. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
