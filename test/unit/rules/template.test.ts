import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileTemplate, foldersOf, renderTemplate, renderText } from "../../../src/rules/template.ts";
import { INPUT_NAMES, RESULT_NAMES, TEXT_NAMES, type TemplateName } from "../../../src/rules/template-names.ts";
import { type TemplateFacts, templateValues } from "../../../src/rules/template-values.ts";

const FACTS: TemplateFacts = {
  ruleName: "summarise",
  runId: "run1",
  eventType: "file.created",
  actor: { id: "7", email: "ann@example.com" },
  file: { name: "report.final.pdf", folderPath: "/Inbox/2026", size: 12 },
  workspace: { id: "123", name: "Legal" },
  runCreatedAtMs: Date.UTC(2026, 10, 22, 14, 5, 9),
};

function compiled(text: string, names: readonly TemplateName[] = INPUT_NAMES) {
  const read = compileTemplate(text, names);
  if (read.kind === "fault") throw new Error(read.message);
  return read.template;
}

const render = (text: string, facts: TemplateFacts = FACTS) => renderText(compiled(text), templateValues(facts));

describe("a template is filled in", () => {
  test.each([
    ["plain", "plain"],
    ["", ""],
    ["{{ file.name }}", "report.final.pdf"],
    ["{{file.stem}}|{{  file.extension  }}", "report.final|pdf"],
    ["{{ file.path }} {{ file.size }}", "/Inbox/2026/report.final.pdf 12"],
    ["{{ event.type }} {{ event.actor.id }} {{ event.actor.email }}", "file.created 7 ann@example.com"],
    ["{{ date }} {{ time }}", "2026-11-22 14:05:09"],
    ["{{ rule.name }}/{{ run.id }}/{{ workspace.name }}", "summarise/run1/Legal"],
    ["a }} b", "a }} b"],
  ])("%s", (text, expected) => {
    expect(render(text)).toBe(expected);
  });

  test.each([
    [".env", ".env", ""],
    ["README", "README", ""],
    ["a.", "a", ""],
    ["a.tar.gz", "a.tar", "gz"],
  ])("%s has stem and extension", (name, stem, extension) => {
    const facts = { ...FACTS, file: { name, folderPath: "/" } };
    expect(render("{{ file.stem }},{{ file.extension }},{{ file.path }}", facts)).toBe(`${stem},${extension},/${name}`);
  });

  test("the file itself is a place, not a text", () => {
    expect(renderTemplate(compiled("{{ file }}"), templateValues(FACTS))).toEqual({ kind: "file" });
  });

  test("what nobody knows leaves nothing behind and is told", () => {
    const values = templateValues({ ...FACTS, actor: undefined, workspace: { id: "123" } });
    expect(renderTemplate(compiled("<{{ event.actor.email }}> {{ workspace.name }}"), values)).toEqual({
      kind: "text",
      text: "<> 123",
      unknown: ["event.actor.email"],
    });
  });

  test("braces inside a value mean nothing", () => {
    const file = { ...FACTS.file, name: "{{ run.id }}{{ file }}$&.pdf" };
    expect(render("{{ file.name }}", { ...FACTS, file })).toBe("{{ run.id }}{{ file }}$&.pdf");
  });
});

describe("a template that cannot be filled in is refused when it is read", () => {
  test.each([
    ["{{ file.nam }}", 'holds the unknown name "file.nam" (did you mean "{{ file.name }}"?)'],
    ["{{ __proto__ }}", 'holds the unknown name "__proto__"'],
    ["{{ constructor }}", 'holds the unknown name "constructor"'],
    ["{{ file.name.length }}", 'holds the unknown name "file.name.length"'],
    ["{{ file }}", 'holds "{{ file }}", which cannot stand here; there are {{ file.name }}'],
    ["{{ a b }}", 'holds "{{ a b }}", which is not one name'],
    ["{{{ date }}}", 'holds "{{{ date }}", which is not one name'],
    ["{{}}", 'holds "{{}}", which is not one name'],
    ["{{ date | iso }}", 'uses the unknown filter "iso"; filters are slug, date "DD.MM.YYYY", truncate 80, '],
    ["{{ date | trunkate 3 }}", 'uses the unknown filter "trunkate" (did you mean "truncate"?)'],
    ["{{ date | }}", 'has nothing after a "|"'],
    ["{{ date || slug }}", 'has nothing after a "|"'],
    ["{{ | slug }}", "which is not one name"],
    ["{{ date | slug 3 }}", 'uses the filter "slug" wrongly; write it as in | slug'],
    ["{{ date | date }}", 'uses the filter "date" wrongly; write it as in | date "DD.MM.YYYY"'],
    ['{{ date | date "hh:mm" }}', 'gives the filter "date" a format that holds "hh", which is no part of a date'],
    ['{{ date | date "-" }}', 'gives the filter "date" a format that holds no part of a date'],
    ["{{ date | truncate 0 }}", 'uses the filter "truncate" wrongly; write it as in | truncate 80'],
    ['{{ date | truncate "9" }}', 'uses the filter "truncate" wrongly'],
    ["{{ date | default unknown }}", 'uses the filter "default" wrongly; write it as in | default "unknown"'],
    ['{{ date | default "x }}', 'uses the filter "default" wrongly'],
    [`{{ date ${"| slug ".repeat(11)}}}`, "has more than 10 filters in a row"],
    ["{{ outputs.summary }}", 'holds "{{ outputs.summary }}", which nobody knows yet where this stands'],
    ["{{ {{ date }} }}", "is not one name"],
    ["{{ date", 'has a "{{" without "}}"'],
    ["x".repeat(4_001), "is longer than 4000 characters"],
  ])("%.30s", (text, message) => {
    expect(compileTemplate(text, TEXT_NAMES)).toEqual({ kind: "fault", message: expect.stringContaining(message) });
  });
});

test("values of families have names of the rule's own, and no others", () => {
  const facts = { ...FACTS, outputs: { summary: "fine" }, answers: { parties: "A, B" } };
  const show = (text: string) => renderText(compiled(text, RESULT_NAMES), templateValues(facts));
  expect(show("{{ outputs.summary }} {{ answers.parties }}")).toBe("fine A, B");
  expect(show("<{{ outputs.other }}{{ outputs.constructor }}{{ answers.__proto__ }}>")).toBe("<>");
  expect(renderTemplate(compiled("{{ outputs.other }}", RESULT_NAMES), templateValues(facts))).toMatchObject({
    unknown: ["outputs.other"],
  });
  expect(compileTemplate("{{ outputs.a.b }}", RESULT_NAMES)).toMatchObject({ kind: "fault" });
  expect(compileTemplate("{{ output.summary }}", RESULT_NAMES)).toMatchObject({
    message: expect.stringContaining('(did you mean "{{ outputs.summary }}"?)'),
  });
  expect(compileTemplate("{{ file | slug }}", INPUT_NAMES)).toMatchObject({
    message: 'puts a filter behind "{{ file }}", which is no text',
  });
});

describe("filters change what is put in", () => {
  test.each([
    ["{{ file.stem | slug }}", "report-final"],
    ["{{ workspace.name|slug }}", "zurich-büro-101".normalize("NFKD").replace(/\p{M}/gu, "")],
    ['{{ date | date "DD.MM.YYYY" }}', "22.11.2026"],
    ['{{ time | date "D MMMM YY, HH:mm:ss" }}', "22 November 26, 14:05:09"],
    ["{{ date | date 'YYYY/M' }}", "2026/11"],
    ["{{ outputs.due | date 'D MMM' }}", "2 Jan"],
    ["{{ outputs.local | date 'D MMM HH:mm' }}", "2 Jan 10:00"],
    ["{{ outputs.zoned | date 'D MMM HH:mm' }}", "2 Jan 08:30"],
    ["{{ file.name | date 'YYYY' }}", "report.final.pdf"],
    ["{{ file.name | truncate 7 }}", "report…"],
    ["{{ file.name | truncate 100 }}", "report.final.pdf"],
    ['{{ event.actor.email | default "somebody" }}', "somebody"],
    ['{{ file.name | default "x" }}', "report.final.pdf"],
    ['{{ outputs.none | default "}} | none" | slug }}', "none"],
    ["{{ file.name | json }}", '"report.final.pdf"'],
    ["{{ outputs.quoted | json }}", '"say \\"hi\\"\\n"'],
    ["{{ event.actor.email | json }}", "null"],
    ["{{ file.stem | slug | truncate 7 | json }}", '"report…"'],
  ])("%s", (text, expected) => {
    const facts: TemplateFacts = {
      ...FACTS,
      actor: undefined,
      workspace: { id: "1", name: "Zürich – Büro 101!" },
      outputs: {
        due: "2026-01-02",
        local: "2026-01-02T10:00",
        zoned: "2026-01-02T10:00:00+01:30",
        quoted: 'say "hi"\n',
      },
    };
    expect(renderText(compiled(text, RESULT_NAMES), templateValues(facts))).toBe(expected);
  });
});

test("folders are parted by the slashes of the path, not by those between braces", () => {
  expect(foldersOf('/a/{{ date | date "YYYY/MM" }}-x/{{ file.stem | default "a/b" }}')).toEqual([
    "",
    "a",
    '{{ date | date "YYYY/MM" }}-x',
    '{{ file.stem | default "a/b" }}',
  ]);
  expect(foldersOf("a/{{ open")).toHaveLength(2);
});

test("whatever a value holds, filters end soon and keep to their promises", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 120 }), fc.integer({ min: 1, max: 50 }), (name, most) => {
      const values = templateValues({ ...FACTS, file: { name, folderPath: "/" } });
      const show = (filters: string) => renderText(compiled(`{{ file.name ${filters} }}`), values);
      expect(show("| slug")).toMatch(/^(?:[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)*)?$/u);
      expect(show("| slug | slug")).toBe(show("| slug"));
      expect(show(`| truncate ${most}`).length).toBeLessThanOrEqual(most);
      expect(JSON.parse(show("| json"))).toBe(name);
      expect(show('| default "x"')).not.toBe("");
      expect(show('| date "YYYY-MM-DD"').length).toBeLessThanOrEqual(Math.max(10, name.length));
    }),
  );
});

test("any text is either refused in words or filled in without throwing", () => {
  const pieces = fc.constantFrom(
    ...["{{", "}}", " ", "file", ".name", "{", "}", "|", "x", "__proto__", "date", "toString"],
    ...["outputs.", "answers.", "default", '"', "'", "slug", "truncate", "9"],
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(texts, fc.string(), (text, name) => {
      const read = compileTemplate(text, name.length % 2 === 0 ? INPUT_NAMES : RESULT_NAMES);
      if (read.kind === "fault") expect(read.message).not.toBe("");
      else {
        const values = templateValues({ ...FACTS, file: { name, folderPath: "/" } });
        expect(renderText(read.template, values)).not.toContain("[native code]");
      }
    }),
  );
});

test("no name of an object's prototype reaches a value", () => {
  const inherited = [...Object.getOwnPropertyNames(Object.prototype), ...Object.getOwnPropertyNames(String.prototype)];
  for (const name of inherited) {
    expect(compileTemplate(`{{ ${name} }}`, INPUT_NAMES)).toMatchObject({ kind: "fault" });
    expect(compileTemplate(`{{ file.${name} }}`, INPUT_NAMES)).toMatchObject({ kind: "fault" });
  }
});

test("a value stands in the text exactly as it is", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string().filter((text) => !text.includes("{")),
      (name, around) => {
        const facts = { ...FACTS, file: { name, folderPath: "/" } };
        expect(render(`${around}{{ file.name }}`, facts)).toBe(around + name);
      },
    ),
  );
});
