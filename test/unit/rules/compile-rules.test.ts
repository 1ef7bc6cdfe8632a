import { expect, test } from "vitest";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";

const EMAIL = '"by {{ event.actor.email }}"';

const compiled = (run: string, deliver: string, folder = "/Out") => {
  const text = `rules:
  - name: contracts
    when: { workspace: Legal }
    run: { inputs: { document: "{{ file }}"${run} } }
    deliver: { as: share, folder: "${folder}"${deliver} }
`;
  const [rule] = compileRules(parseRules(text, "r.yaml").rules);
  if (!rule) throw new Error("no rule");
  return rule;
};

test.each([
  { where: "an input", run: `, who: ${EMAIL}`, deliver: "" },
  { where: "the folder", run: "", deliver: "", folder: "/Out/{{ event.actor.email }}" },
  { where: "the title", run: "", deliver: `, title: ${EMAIL}` },
  { where: "an invitation", run: "", deliver: ', access: named, invite: ["{{ event.actor.email }}"]' },
  { where: "the message", run: "", deliver: `, access: named, invite: ["a@b.example"], message: ${EMAIL}` },
  { where: "the description", run: "", deliver: `, description: ${EMAIL}` },
  { where: "the name of an output", run: "", deliver: `, outputs: [{ name: report, as: ${EMAIL} }]` },
])("a rule knows that $where mentions the actor's address", ({ run, deliver, folder }) => {
  expect(compiled(run, deliver, folder).mentions).toContain("event.actor.email");
});

test("a rule that mentions it nowhere knows that too", () => {
  expect(compiled("", ', title: "event.actor.email of {{ file.name }}"').mentions).not.toContain("event.actor.email");
});
