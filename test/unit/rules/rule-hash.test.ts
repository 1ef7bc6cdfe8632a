import { expect, test } from "vitest";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { ruleHash } from "../../../src/rules/rule-hash.ts";

const hashOf = (body: string) => parseRules(`rules:\n  - ${body}\n`, "r.yaml").rules.map(ruleHash).join();

const PLAIN = hashOf("{ name: a, when: { workspace: W, folder: /In, maxSize: 1kB } }");

test.each([
  "{ when: { maxSize: 1000, folder: /In, workspace: W }, name: a } # a comment",
  "{ name: a, when: { workspace: W, folder: /In, maxSize: 1kB }, run: { timeout: 20m, inputs: {} }, deliver: { access: link } }",
])("another spelling of the same rule has the same hash: %s", (body) => {
  expect(hashOf(body)).toBe(PLAIN);
});

test.each([
  "{ name: b, when: { workspace: W, folder: /In, maxSize: 1kB } }",
  "{ name: a, when: { workspace: W, folder: /In, maxSize: 1001 } }",
  "{ name: a, when: { workspace: W, folder: /In, maxSize: 1kB }, run: { inputs: { x: 1 } } }",
])("another rule has another hash: %s", (body) => {
  expect(hashOf(body)).not.toBe(PLAIN);
});

test("a hash is 64 hex digits", () => {
  expect(PLAIN).toMatch(/^[0-9a-f]{64}$/);
});
