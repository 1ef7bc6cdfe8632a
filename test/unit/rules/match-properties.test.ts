import fc from "fast-check";
import { expect, test } from "vitest";
import { type CompiledRule, compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { matchRule } from "../../../src/rules/match.ts";
import type { MatchSubject } from "../../../src/rules/match-subject.ts";

/** What matters of a rule's `when` here; JSON is YAML, so the loader itself reads it. */
type When = {
  readonly folder?: string | undefined;
  readonly files?: readonly string[] | undefined;
  readonly mime?: readonly string[] | undefined;
  readonly minSize?: number | undefined;
  readonly maxSize?: number | undefined;
  readonly actors?: readonly string[] | undefined;
  readonly outputsOf?: string | undefined;
  readonly exclude?: { readonly actors?: readonly string[]; readonly folders?: readonly string[] };
};

function ruleWith(when: When): CompiledRule {
  const other = { name: "other", when: { workspace: "*" } };
  const text = JSON.stringify({ rules: [{ name: "r", when: { workspace: "*", ...when } }, other] });
  const [rule] = compileRules(parseRules(text, "r.yaml").rules);
  if (!rule) throw new Error("no rule");
  return rule;
}

const FOLDERS = ["Inbox", "Outputs", "2026", "a b"];
const NAMES = ["a.pdf", "A.PDF", "table.csv", "scan", ".env", "b.png"];
const TYPES = ["application/pdf", "text/csv", "image/png", "application/octet-stream"];
const PEOPLE = ["111", "222", "self", "pat@example.test"];
const SIZES = fc.integer({ min: 1, max: 1_000 });

/** Rules and files have few peculiarities of all they could have, so that many fit. */
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const seldom = (usual: string, other: string) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constant(other) });

/** Mostly what the rules below speak of, so that many match; also anything that strangers may write. */
const subjects: fc.Arbitrary<MatchSubject> = fc.record({
  eventType: seldom("file.created", "file.moved"),
  workspaceId: fc.constantFrom("1", "2"),
  workspaceName: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
  folderPath: fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...FOLDERS) }, fc.string({ unit: "binary" })), {
      maxLength: 4,
    })
    .map((names) => `/${names.join("/")}`),
  fileName: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...NAMES) }, fc.string({ unit: "binary" })),
  nodeKind: seldom("file", "folder"),
  mimeType: fc.option(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...TYPES) }, fc.string({ unit: "binary" })), {
    nil: undefined,
  }),
  size: fc.option(SIZES, { nil: undefined, freq: 9 }),
  actorUserId: fc.constantFrom(undefined, "111", "222", "999", "nobody"),
  selfUserId: fc.constantFrom(undefined, "999"),
  actorEmail: fc.constantFrom(undefined, null, "pat@example.test", "PAT@EXAMPLE.TEST"),
  share: maybe(fc.constant({ id: "55" })),
  firstBytes: fc.constantFrom(undefined, { kind: "text" } as const, { kind: "unknown" } as const),
  origin: maybe(fc.constant({ kind: "output", chain: ["other"], depth: 1 } as const)),
});

const globs = fc.constantFrom("/**", "/Inbox/**", "/*", "/Inbox", "/Outputs/2026", "/{Inbox,Outputs}/*");
const some = <Value>(values: readonly Value[]) => fc.subarray([...values], { minLength: 1, maxLength: 2 });

const rules: fc.Arbitrary<When> = fc.record({
  folder: maybe(globs),
  files: maybe(some(["*", "*.pdf", "*.{csv,png}", "[a-t]*"])),
  mime: maybe(some(["*/*", "application/*", "text/csv"])),
  actors: maybe(some(["111", "222", "pat@example.test"])),
  outputsOf: maybe(fc.constant("*")),
  minSize: maybe(fc.integer({ min: 1, max: 300 })),
  maxSize: maybe(fc.integer({ min: 300, max: 1_000 })),
});
const exclusions = fc.record({
  actors: fc.subarray(PEOPLE),
  folders: fc.uniqueArray(fc.constantFrom("/Outputs", "/Inbox/2026", "/**/tmp", "/a b/**"), { maxLength: 3 }),
});

/** How much a rule may still come to want a file: an exclusion may turn `match` into `unsure`, and never back. */
const HOPE = { no_match: 0, unsure: 1, match: 2 } as const;
const hope = (when: When, subject: MatchSubject): number => HOPE[matchRule(ruleWith(when), subject).kind];

test("the made-up files are such that each answer comes often", () => {
  const kinds = fc
    .sample(fc.tuple(rules, exclusions, subjects), { numRuns: 400, seed: 5 })
    .map(([{ folder: _, ...when }, exclude, subject]) => matchRule(ruleWith({ ...when, exclude }), subject).kind);
  for (const kind of ["match", "no_match", "unsure"]) {
    expect(kinds.filter((one) => one === kind).length, kind).toBeGreaterThan(5);
  }
});

test("one more exclusion never makes a rule want more", () => {
  fc.assert(
    fc.property(rules, exclusions, exclusions, subjects, (when, few, more, subject) => {
      const both = {
        actors: [...new Set([...few.actors, ...more.actors])],
        folders: [...new Set([...few.folders, ...more.folders])],
      };
      // The loader refuses a rule that leaves out every folder it names: that is another promise.
      const { folder: _, ...anywhere } = when;
      expect(hope({ ...anywhere, exclude: both }, subject)).toBeLessThanOrEqual(
        hope({ ...anywhere, exclude: few }, subject),
      );
    }),
  );
});

test("wider bounds of size, and more that is wanted, never make a rule want less", () => {
  fc.assert(
    fc.property(rules, fc.nat({ max: 299 }), fc.nat({ max: 500 }), subjects, (when, less, more, subject) => {
      const { minSize = 300, maxSize = 300, files = ["*.pdf"], mime = ["text/csv"], actors = ["111"] } = when;
      const narrow = { ...when, minSize, maxSize, files, mime, actors };
      const wide = [
        { ...narrow, minSize: Math.max(0, minSize - less) },
        { ...narrow, maxSize: maxSize + more },
        { ...narrow, files: [...files, "*.png"] },
        { ...narrow, mime: [...mime, "image/*"] },
        { ...narrow, actors: [...actors, "333"] },
        { ...narrow, folder: "/**" },
      ];
      const before = hope(narrow, subject);
      for (const one of wide) expect(hope(one, subject)).toBeGreaterThanOrEqual(before);
    }),
  );
});

test("a refusal always says why on one line, and a size, a name or a folder with what it is", () => {
  fc.assert(
    fc.property(rules, exclusions, subjects, ({ folder: _, ...when }, exclude, subject) => {
      const answer = matchRule(ruleWith({ ...when, exclude }), subject);
      if (answer.kind !== "no_match") return;
      expect(answer.reason).toMatch(/^\S.*\S$/);
      expect(answer.reason).not.toMatch(/undefined|\[object|NaN/);
      if (answer.reason.startsWith("size is") && subject.size !== undefined)
        expect(answer.reason).toContain(`size is ${subject.size.toLocaleString("en-US")} bytes`);
      if (NAMES.includes(subject.fileName) && answer.reason.startsWith("file name"))
        expect(answer.reason).toContain(JSON.stringify(subject.fileName));
      if (answer.reason.startsWith("folder"))
        expect(answer.reason).toMatch(/^folder ".*" (does not match|is left out by exclude\.folders) \//);
    }),
  );
});

test("no name, path, type or person makes matching throw", () => {
  const anything = fc.string({ unit: "binary", maxLength: 80 });
  const strange = fc.record({
    eventType: anything,
    workspaceId: anything,
    workspaceName: anything,
    folderPath: anything,
    fileName: anything,
    nodeKind: fc.constant("file"),
    mimeType: anything,
    size: fc.double(),
    actorUserId: anything,
    actorEmail: anything,
    share: fc.option(fc.record({ id: anything, customName: anything }), { nil: undefined, freq: 9 }),
    ageMs: fc.double(),
  });
  fc.assert(
    fc.property(rules, strange, (when, subject) => {
      expect(["match", "no_match", "unsure"]).toContain(matchRule(ruleWith(when), subject).kind);
    }),
  );
});

test("the case of a file's name and type makes no difference; that of its folder does", () => {
  const swap = (text: string) =>
    [...text].map((one) => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase())).join("");
  const plain = fc.record({ fileName: fc.constantFrom(...NAMES), mimeType: fc.constantFrom(...TYPES) });
  fc.assert(
    fc.property(rules, subjects, plain, (when, subject, named) => {
      const swapped = { fileName: swap(named.fileName), mimeType: swap(named.mimeType) };
      expect(hope(when, { ...subject, ...swapped })).toBe(hope(when, { ...subject, ...named }));
      const inside = { ...subject, folderPath: "/Inbox" };
      if (hope({ ...when, folder: "/Inbox" }, inside) > 0)
        expect(hope({ ...when, folder: "/inbox" }, inside)).toBe(HOPE.no_match);
    }),
  );
});
