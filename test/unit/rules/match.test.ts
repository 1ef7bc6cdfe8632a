import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CompiledRule, compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { matchRule } from "../../../src/rules/match.ts";
import type { MatchSubject } from "../../../src/rules/match-subject.ts";

function ruleWith({ maxDepth, ...when }: Readonly<Record<string, unknown>>): CompiledRule {
  const others = ["a", "b"].map((name) => ({ name, when: { workspace: "Legal" } }));
  // JSON is YAML, so the loader itself reads what a test builds.
  const text = JSON.stringify({ rules: [{ name: "r", maxDepth, when: { workspace: "Legal", ...when } }, ...others] });
  const [compiled] = compileRules(parseRules(text, "r.yaml").rules);
  if (compiled === undefined) throw new Error("no rule");
  return compiled;
}

const SUBJECT: MatchSubject = {
  eventType: "file.created",
  workspaceId: "1234567890123456789",
  workspaceName: "Legal",
  folderName: "legal-team",
  folderPath: "/Inbox/2026",
  fileName: "a.png",
  nodeKind: "file",
  mimeType: "image/png; charset=binary",
  size: 2_000_000,
  actorUserId: "111-aaa",
  selfUserId: "999",
  creatorId: "222",
};

const UNKNOWN_TYPE = { mimeType: "application/octet-stream" };
const PDF = { firstBytes: { kind: "format", mimeType: "application/pdf", extension: "pdf" } } as const;
const ZIP = { firstBytes: { kind: "format", mimeType: "application/zip", extension: "zip" } } as const;
const TEXT = { firstBytes: { kind: "text" } } as const;

/** An output at the end of a chain of rules. */
const outputOf = (...chain: [string, ...string[]]) => ({ kind: "output", chain, depth: chain.length }) as const;

describe("a file is wanted", () => {
  test.each<[string, Readonly<Record<string, unknown>>, Partial<MatchSubject>?]>([
    ["by workspace name", {}],
    ["by workspace id", { workspace: "1234567890123456789" }],
    ["by the workspace's short name", { workspace: "legal-team" }],
    ["by any workspace", { workspace: "*" }],
    ["by folder", { folder: "/Inbox/**" }],
    ["directly in the folder of a deep glob", { folder: "/Inbox/**" }, { folderPath: "/Inbox" }],
    ["by name whatever its case", { files: ["*.PNG", "*.pdf"] }],
    ["by media type without parameters", { mime: "image/png" }],
    ["by size on both bounds", { minSize: "2MB", maxSize: 2_000_000 }],
    ["without size when no size is asked", {}, { size: undefined }],
    ["from the relay itself when nobody is excluded", { exclude: { actors: [] } }, { actorUserId: "999" }],
    ["from an unknown actor", {}, { actorUserId: undefined, creatorId: undefined }],
    ["from a person who changed a file of the relay", {}, { creatorId: "999" }],
    ["on an event it asks for", { events: ["file.moved"] }, { eventType: "file.moved" }],
    ["by media type as either of two names means it", { mime: "image/*" }, { fileName: "a.jpg" }],
    ["by media type for what its first bytes say", { mime: "application/pdf" }, { mimeType: undefined, ...PDF }],
    ["whose bytes only tell what holds it", { mime: "*/*.document" }, { fileName: "a.docx", ...ZIP }],
    ["as the text its name says it is", { mime: "text/csv" }, { fileName: "a.csv", ...UNKNOWN_TYPE, ...TEXT }],
    ["from one of its people by id", { actors: ["pat@example.test", "111aaa"] }],
    ["from one of its people by address", { actors: "Pat@Example.test" }, { actorEmail: "pat@example.test" }],
    ["from the maker when nobody knows the actor", { actors: "222" }, { actorUserId: undefined }],
    ["from somebody whose address nobody knows", { exclude: { actors: ["x@y.test"] } }, { actorEmail: null }],
    ["as old as may be", { maxAge: "2d" }, { ageMs: 172_800_000 }],
    ["from any share", { share: "*" }, { share: { id: "55" } }],
    ["from a share by its id or name", { share: "inbox-of-pat" }, { share: { id: "55", customName: "inbox-of-pat" } }],
    ["that another rule delivered", { outputsOf: "a" }, { actorUserId: "999", origin: outputOf("a") }],
    ["that any other rule delivered", { outputsOf: "*" }, { actorUserId: "999", origin: outputOf("b") }],
    ["at the end of as long a chain as may be", { outputsOf: "*", maxDepth: 2 }, { origin: outputOf("b", "a") }],
  ])("%s", (_, when, more = {}) => {
    expect(matchRule(ruleWith(when), { ...SUBJECT, ...more })).toEqual({ kind: "match" });
  });
});

describe("a refusal says why, with the values", () => {
  test.each<[string, Readonly<Record<string, unknown>>, Partial<MatchSubject>?]>([
    ['event is "file.moved", the rule wants file.created or file.version_added', {}, { eventType: "file.moved" }],
    ["it is a folder, and rules run on files", {}, { nodeKind: "folder" }],
    ['workspace is 1234567890123456789 ("Legal"), the rule wants "legal"', { workspace: "legal" }],
    [
      'workspace is 5, the rule wants "Legal"',
      {},
      { workspaceId: "5", workspaceName: undefined, folderName: undefined },
    ],
    ['folder "/Inbox/2026" does not match /inbox/**', { folder: "/inbox/**" }],
    ['folder "/Inbox/2026" is left out by exclude.folders /Inbox/20*', { exclude: { folders: ["/Inbox/20*"] } }],
    ['folder "/Inbox/2026" is left out by exclude.folders /Inbox', { exclude: { folders: ["/Out", "/Inbox"] } }],
    ['file name "a.png" matches none of *.pdf, *.docx', { files: ["*.pdf", "*.docx"] }],
    ['file name "a\\nb\\u202egnp" does not match *.pdf', { files: "*.pdf" }, { fileName: "a\nb\u202egnp" }],
    ['media type is "image/png; charset=binary": does not match application/*', { mime: "application/*" }],
    [
      'media type is unknown, by its name "text/csv", by its first bytes neither text nor a format that is known: matches none of text/*, image/*',
      { mime: ["text/*", "image/*"] },
      { mimeType: undefined, fileName: "a.csv", firstBytes: { kind: "unknown" } },
    ],
    [
      'media type is "application/octet-stream", by its name "image/png", by its first bytes "application/pdf": does not match image/*',
      { mime: "image/*" },
      { ...UNKNOWN_TYPE, ...PDF },
    ],
    [
      'media type is "image/png", by its name "application/pdf", by its first bytes text: does not match application/pdf',
      { mime: "application/pdf" },
      { mimeType: "image/png", fileName: "a.pdf", ...TEXT },
    ],
    ['user "111-aaa" brought it, the rule wants 5 or 6', { actors: ["5", "6"] }],
    [
      'user "111-aaa" ("pat@example.test") brought it, the rule wants x@y.test',
      { actors: "x@y.test" },
      { actorEmail: "pat@example.test" },
    ],
    [
      'user "111-aaa", whose address nobody knows, brought it, the rule wants x@y.test',
      { actors: "x@y.test" },
      { actorEmail: null },
    ],
    [
      "nobody tells who brought it, the rule wants x@y.test",
      { actors: "x@y.test" },
      { actorUserId: undefined, creatorId: undefined },
    ],
    [
      'user "111-aaa" ("x@y.test") is left out by exclude.actors',
      { exclude: { actors: ["X@y.test"] } },
      { actorEmail: "x@y.test" },
    ],
    ["it last changed 49 h ago, more than maxAge 48 h", { maxAge: "2d" }, { ageMs: 176_400_000 }],
    ['it lies in the workspace, the rule wants what people upload into share "*"', { share: "*" }],
    [
      'it was uploaded into share 55 ("box"), and the rule names no share',
      {},
      { share: { id: "55", customName: "box" } },
    ],
    ['it was uploaded into share 55, the rule wants "56"', { share: "56" }, { share: { id: "55" } }],
    ["it is an output of rule a, and the rule does not name that in outputsOf", {}, { origin: outputOf("a") }],
    [
      "it lies in the folder of a run of rule a: what is there starts nothing",
      {},
      { origin: { ...outputOf("a"), kind: "beside_outputs" } },
    ],
    [
      "it is no output of a rule, the rule wants those of a",
      { outputsOf: "a" },
      { origin: { ...outputOf("a"), kind: "beside_outputs" } },
    ],
    ["it is no output of a rule, the rule wants those of any other rule", { outputsOf: "*" }],
    ["it is an output of rule b, the rule wants those of a", { outputsOf: "a" }, { origin: outputOf("b") }],
    [
      "it is an output of this very rule, and a rule never takes its own",
      { outputsOf: "*", maxDepth: 9 },
      { origin: outputOf("r") },
    ],
    [
      "the chain ends here: a → b → r would be 2 deep, and maxDepth is 1",
      { outputsOf: "*" },
      { origin: outputOf("a", "b") },
    ],
    ["size is 2,000,000 bytes, less than minSize 2,097,152 bytes", { minSize: "2MiB" }],
    ["size is 2,000,000 bytes, more than maxSize 1,999,999 bytes", { maxSize: 1_999_999 }],
    ["size is unknown, and the rule limits it", { maxSize: "1GB" }, { size: undefined }],
    ['user "111-aaa" is left out by exclude.actors', { exclude: { actors: ["111AAA"] } }],
    ['user "999" is the relay itself, left out by exclude.actors self', {}, { actorUserId: "999" }],
    [
      'user "999" is the relay itself, left out by exclude.actors self',
      {},
      { actorUserId: undefined, creatorId: "999" },
    ],
  ])("%s", (reason, when, more = {}) => {
    expect(matchRule(ruleWith(when), { ...SUBJECT, ...more })).toMatchObject({ kind: "no_match", reason });
  });
});

describe("what has to be asked for first is asked for when all else fits", () => {
  const needs = (when: Readonly<Record<string, unknown>>, more: Partial<MatchSubject> = {}) => {
    const answer = matchRule(ruleWith(when), { ...SUBJECT, ...more });
    return answer.kind === "unsure" ? answer.needs : answer.kind;
  };

  test.each([
    ["an unknown type", "first_bytes", { mime: "image/*" }, { mimeType: undefined }],
    ["a type that says nothing", "first_bytes", { mime: "image/*" }, UNKNOWN_TYPE],
    ["a name that says something else", "first_bytes", { mime: "image/*" }, { fileName: "a.pdf" }],
    ["a name that says it otherwise", "match", { mime: "audio/*" }, { mimeType: "audio/x-wav", fileName: "a.wav" }],
    ["a name that says nothing", "match", { mime: "image/*" }, { fileName: "scan" }],
    ["a rule without types", "match", {}, { mimeType: undefined }],
    ["a file of another size", "no_match", { mime: "image/*", maxSize: 1 }, { mimeType: undefined }],
    ["an address", "actor_email", { actors: ["x@y.test"] }, {}],
    ["an address to be left out", "actor_email", { exclude: { actors: ["x@y.test"] } }, {}],
    ["an address beside an id that is known", "match", { actors: ["x@y.test", "111aaa"] }, {}],
    [
      "an address of nobody",
      "match",
      { exclude: { actors: ["x@y.test"] } },
      { actorUserId: undefined, creatorId: undefined },
    ],
  ] as const)("%s: %s", (_, asked, when, more) => {
    expect(needs(when, more)).toBe(asked);
  });
});

test("an age nobody knows leaves no file out, and is told", () => {
  expect(matchRule(ruleWith({ maxAge: "1h" }), SUBJECT)).toEqual({
    kind: "match",
    note: "its age is not known, so the rule's maxAge was not looked at",
  });
});

test("the same rule and subject give the same answer, in any order of asking, and nothing throws", () => {
  const rules = [
    ruleWith({ folder: "/Inbox/**", files: ["*.{pdf,png}", "[a-f]*"], maxSize: "1MB" }),
    ruleWith({ workspace: "*", mime: "*/*", exclude: { folders: ["/**/tmp"], actors: ["self", "1"] } }),
  ];
  const subjects = fc.record({
    eventType: fc.constantFrom("file.created", "file.moved"),
    workspaceId: fc.string(),
    workspaceName: fc.option(fc.string(), { nil: undefined }),
    folderPath: fc.array(fc.string(), { maxLength: 4 }).map((names) => `/${names.join("/")}`),
    fileName: fc.string({ unit: "binary", maxLength: 40 }),
    nodeKind: fc.constantFrom("file", "file", "folder"),
    mimeType: fc.option(fc.string(), { nil: undefined }),
    size: fc.option(fc.nat(), { nil: undefined }),
    actorUserId: fc.option(fc.string(), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(subjects, { maxLength: 4 }), (all) => {
      const ask = (subject: MatchSubject) => rules.map((rule) => matchRule(rule, subject));
      const forward = all.map(ask);
      expect(all.toReversed().map(ask).toReversed()).toEqual(forward);
    }),
  );
});
