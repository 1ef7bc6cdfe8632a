import { createHash } from "node:crypto";
import type { Rule } from "./rule.ts";

/**
 * Tells whether a rule means something else than before. Comments, order of keys and spelled-out defaults
 * do not count; a new relay version with a new default does.
 *
 * @returns SHA-256 in 64 hex digits
 */
export const ruleHash = (rule: Rule): string => createHash("sha256").update(sortedJson(rule)).digest("hex");

const sortedJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (isMap(inner) ? sorted(inner) : inner));

const isMap = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

const sorted = (map: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
