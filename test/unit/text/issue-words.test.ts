import { expect, test } from "vitest";
import { z } from "zod";
import { issueWords } from "../../../src/text/issue-words.ts";

test.each<[string, z.ZodType, unknown, string]>([
  ["a text for a number", z.coerce.number(), "many", "must be a number"],
  ["a part of a whole", z.int(), 1.5, "must be a whole number"],
  ["too many", z.int().max(500), 501, "must be 500 or less"],
  ["too few", z.int().min(1), 0, "must be 1 or more"],
  ["none of some", z.number().positive(), 0, "must be more than 0"],
  ["a word that is no choice", z.enum(["key", "session", "both"]), "x", "must be key, session or both"],
  ["another word", z.literal("on"), "x", "must be on"],
  ["a short text", z.string().min(16), "x", "must have 16 characters or more"],
  ["a long list", z.array(z.string()).max(2), ["a", "b", "c"], "must have 2 entries or less"],
  ["a list for a text", z.string(), [], "must be text"],
  ["what is not there", z.string(), undefined, "is missing; must be text"],
  ["what a schema has words for", z.string().min(2, "is no name"), "x", "is no name"],
])("of %s is said what it must be", (_what, schema, value, words) => {
  expect(schema.safeParse(value).error?.issues.map(issueWords)).toEqual([words]);
});
