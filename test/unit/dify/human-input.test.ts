import { expect, test } from "vitest";
import type { DifyCall } from "../../../src/dify/call.ts";
import { readForm } from "../../../src/dify/human-input.ts";

/** What Dify answers, as U:api/controllers/service_api/app/human_input_form.py shapes it. */
const asking = (content: string): Pick<DifyCall, "read"> => ({
  read: async (_request, schema) =>
    schema.parse({
      form_content: content,
      inputs: [{ type: "paragraph", output_variable_name: "feedback" }],
      resolved_default_values: {},
      user_actions: [{ id: "approve", title: "Approve" }],
      expiration_time: 1,
    }),
});

test.each([
  { content: "Is it good?\n\n{{#$output.feedback#}}", question: "Is it good?" },
  { content: "Is it good?\n\n{{#$output.feedback#}}\n\nThank you.", question: "Is it good?\n\nThank you." },
  { content: "Because {{#$output.feedback#}}, yes", question: "Because [feedback], yes" },
  { content: "# Title\n\n{{ handlebars }} stay", question: "# Title\n\n{{ handlebars }} stay" },
])("a question holds no marks for the places of its inputs: $content", async ({ content, question }) => {
  const form = await readForm(asking(content) as DifyCall, "token", AbortSignal.timeout(1_000));
  expect(form.question).toBe(question);
});
