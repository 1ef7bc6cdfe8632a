import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { renderDelivery, renderInputs } from "../../../src/rules/delivery-texts.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { templateValues } from "../../../src/rules/template-values.ts";

function compiledWith(parts: Readonly<Record<string, unknown>>) {
  const text = JSON.stringify({ rules: [{ name: "the-rule", when: { workspace: "*" }, ...parts }] });
  const [compiled] = compileRules(parseRules(text, "r.yaml").rules);
  if (compiled === undefined) throw new Error("no rule");
  return compiled;
}

const valuesOf = (name: string, email?: string) =>
  templateValues({
    ruleName: "the-rule",
    runId: "run1",
    eventType: "file.created",
    actor: { email },
    file: { name, folderPath: "/Inbox" },
    workspace: { id: "1" },
    runCreatedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  });

const deliver = (settings: Readonly<Record<string, unknown>>, name: string, email?: string) =>
  renderDelivery(compiledWith({ deliver: settings }), valuesOf(name, email));

describe("what a delivery says", () => {
  test("has defaults", () => {
    expect(deliver({}, "a.pdf")).toEqual({
      folder: ["Relay outputs", "2026-01-02"],
      title: "a.pdf",
      description: undefined,
      message: undefined,
      invite: [],
      notInvited: [],
    });
  });

  test.each([
    ["project-{{ date }}", "x", ["project-2026-01-02"]],
    ["/R/{{ file.stem }}/x", "../../etc/passwd", ["R", "-..-etc-passwd", "x"]],
    ["/R/{{ file.extension }}", "no-extension", ["R", "-"]],
    ["/R/{{ file.stem }}", "...", ["R", "-"]],
    ["/R/{{ time }}", "x", ["R", "03-04-05"]],
    ["/R/{{ file.name }}", "a\r\nb\u0000c", ["R", "a b c"]],
  ])("folder %s for %j stays the path the rule drew", (folder, name, expected) => {
    expect(deliver({ folder }, name).folder).toEqual(expected);
  });

  test.each([
    ["a", "the-rule a"],
    ["💡", "the-rule 💡"],
    ["", "the-rule"],
    ["x".repeat(200), `${"x".repeat(79)}…`],
    ["two\nlines", "two lines"],
    [`${"x".repeat(78)}💡💡`, `${"x".repeat(78)}…`],
  ])("the title for %j fits Fast.io", (name, title) => {
    expect(deliver({}, name).title).toBe(title);
  });

  test("an unknown address is left out and told; an address comes once", () => {
    const invite = ["{{ event.actor.email }}", "legal@example.com", "Legal@Example.com"];
    expect(deliver({ invite }, "x")).toMatchObject({
      invite: ["legal@example.com"],
      notInvited: ["{{ event.actor.email }}"],
    });
    expect(deliver({ invite }, "x", "ann@example.com").invite).toEqual(["ann@example.com", "legal@example.com"]);
    expect(deliver({ invite }, "x", "a@b.example, c@d.example").invite).toEqual(["legal@example.com"]);
  });

  test("a description that came out too short is left out, a long one is cut", () => {
    expect(deliver({ description: "{{ file.name }}" }, "short").description).toBeUndefined();
    expect(deliver({ description: "{{ file.name }}" }, "💡".repeat(9)).description).toBeUndefined();
    expect(deliver({ description: "{{ file.name }}" }, "x".repeat(600)).description).toHaveLength(500);
  });

  test("a folder's name from a million dots and blanks is cut like any other", () => {
    const [, name] = deliver({ folder: "/R/{{ file.name }}" }, `a${". ".repeat(500_000)}b`).folder;

    expect(name).toMatch(/^a[. ]+…$/);
  });

  test("any file name gives a title of 2 to 80 characters and folder names that are just names", () => {
    const compiled = compiledWith({ deliver: { folder: "/R/{{ file.name }}" } });
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (name) => {
        const { title, folder } = renderDelivery(compiled, valuesOf(name));
        expect(title.length).toBeGreaterThanOrEqual(2);
        expect(title.length).toBeLessThanOrEqual(80);
        expect(folder).toHaveLength(2);
        expect(folder[1]).toMatch(/^[^/\\]{1,100}$/);
        expect([".", ".."]).not.toContain(folder[1]);
      }),
    );
  });
});

test("inputs are the file's place, filled-in texts, and numbers and booleans as they are", () => {
  const compiled = compiledWith({
    run: { inputs: { doc: "{{ file }}", title: "T: {{ file.stem }}", n: 3, deep: true } },
  });
  expect([...renderInputs(compiled, valuesOf("a.pdf"))]).toEqual([
    ["doc", { kind: "file" }],
    ["title", { kind: "value", value: "T: a" }],
    ["n", { kind: "value", value: 3 }],
    ["deep", { kind: "value", value: true }],
  ]);
});
