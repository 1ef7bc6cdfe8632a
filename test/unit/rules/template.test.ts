import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compileTemplate,
  INPUT_NAMES,
  renderTemplate,
  renderText,
  TEXT_NAMES,
  type TemplateName,
} from "../../../src/rules/template.ts";
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
    ["{{ date | iso }}", "filters are not supported yet"],
    ["{{ {{ date }} }}", "is not one name"],
    ["{{ date", 'has a "{{" without "}}"'],
    ["x".repeat(4_001), "is longer than 4000 characters"],
  ])("%.30s", (text, message) => {
    expect(compileTemplate(text, TEXT_NAMES)).toEqual({ kind: "fault", message: expect.stringContaining(message) });
  });
});

test("any text is either refused in words or filled in without throwing", () => {
  const pieces = fc.constantFrom("{{", "}}", " ", "file", ".name", "{", "}", "|", "x", "__proto__", "date", "toString");
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(texts, fc.string(), (text, name) => {
      const read = compileTemplate(text, INPUT_NAMES);
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
