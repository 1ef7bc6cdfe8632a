import { PermanentError } from "../../errors.ts";
import { storableText } from "../../text/storable-text.ts";

/** Readers for answers whose field names are not all known: they look in several places and take what fits. */

export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value under a dotted path; undefined when any step is missing. */
export function at(value: unknown, path: string): unknown {
  let found = value;
  for (const step of path.split(".")) {
    if (!isFields(found)) return undefined;
    found = found[step];
  }
  return found;
}

/** A non-empty string, as the ledger can keep it; numbers become text unless they lost digits on the way. */
export function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : storableText(value);
  return typeof value === "number" && (Number.isSafeInteger(value) || !Number.isInteger(value))
    ? String(value)
    : undefined;
}

/** The first text under one of `keys`: in the payload itself, then in each of its `containers`. */
export function pickText(
  payload: unknown,
  keys: readonly string[],
  containers: readonly string[] = [],
): string | undefined {
  for (const place of [payload, ...containers.map((name) => at(payload, name))]) {
    for (const key of keys) {
      const text = asText(at(place, key));
      if (text !== undefined) return text;
    }
  }
  return undefined;
}

/** Like `pickText`, for what we cannot go on without. @throws {PermanentError} `answer_malformed` */
export function needText(
  payload: unknown,
  operation: string,
  keys: readonly string[],
  containers: readonly string[] = [],
): string {
  const text = pickText(payload, keys, containers);
  if (text === undefined) throw malformed(operation, `no ${keys.join(" or ")}`);
  return text;
}

/** A whole number of bytes, also when written as text. */
export function asCount(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

/** A finite number, also when written as text. */
export function asNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** Yes or no, in the spellings forms and databases have for it. */
export function asFlag(value: unknown): boolean | undefined {
  if (value === true || value === "true" || value === "yes" || value === 1 || value === "1") return true;
  return value === false || value === "false" || value === "no" || value === 0 || value === "0" ? false : undefined;
}

/** The entries of an object that have a value: for results whose fields are left out when unknown. */
export const known = <const T extends Readonly<Record<string, unknown>>>(fields: T): Known<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Known<T>;

/** The cast above only removes what is undefined, which is what this type says. */
type Known<T> = { readonly [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  readonly [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** Rows under the first of `keys` that holds an array or a map of objects; else the payload's first array. */
export function pickRows(payload: unknown, keys: readonly string[]): readonly Fields[] | undefined {
  if (Array.isArray(payload)) return payload.filter(isFields);
  for (const key of keys) {
    const found = at(payload, key);
    if (Array.isArray(found)) return found.filter(isFields);
    if (isFields(found) && Object.values(found).every(isFields)) {
      return Object.entries(found).flatMap(([id, row]) => (isFields(row) ? [{ id, ...row }] : []));
    }
  }
  if (!isFields(payload)) return undefined;
  const first = Object.values(payload).find((value) => Array.isArray(value));
  return Array.isArray(first) ? first.filter(isFields) : undefined;
}

/** An answer of Fast.io that cannot be read. @param what as in "the answer has no id" */
export const malformed = (operation: string, what: string): PermanentError =>
  new PermanentError("answer_malformed", `${operation}: the answer has ${what}`, { operation });
