import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CompiledRule, compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { type MatchSubject, matchRule } from "../../../src/rules/match.ts";

function ruleWith(when: Readonly<Record<string, unknown>>): CompiledRule {
  // JSON is YAML, so the loader itself reads what a test builds.
  const text = JSON.stringify({ rules: [{ name: "r", when: { workspace: "Legal", ...when } }] });
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
    ['media type "image/png; charset=binary" does not match application/*', { mime: "application/*" }],
    [
      "media type is unknown, the rule wants text/* or image/*",
      { mime: ["text/*", "image/*"] },
      { mimeType: undefined },
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
    expect(matchRule(ruleWith(when), { ...SUBJECT, ...more })).toEqual({ kind: "no_match", reason });
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
