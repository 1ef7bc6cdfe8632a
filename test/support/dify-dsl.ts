import { z } from "zod";

const selector = z.tuple([z.string(), z.string()]);
const variables = z.array(z.strictObject({ variable: z.string(), value_selector: selector }));

const startVariable = z.strictObject({
  variable: z.string().regex(/^[a-z_]\w{0,29}$/i),
  label: z.string(),
  type: z.enum(["text-input", "paragraph", "select", "number", "checkbox", "json_object", "file", "file-list"]),
  required: z.boolean(),
  options: z.array(z.string()),
  max_length: z.int().positive().optional(),
  allowed_file_types: z
    .array(z.enum(["document", "image", "audio", "video", "custom"]))
    .nonempty()
    .optional(),
  allowed_file_extensions: z.array(z.string().startsWith(".")).optional(),
  allowed_file_upload_methods: z.array(z.enum(["local_file", "remote_url"])).optional(),
});

const common = { title: z.string().min(1), desc: z.string() };
const data = z.discriminatedUnion("type", [
  z.strictObject({ ...common, type: z.literal("start"), variables: z.array(startVariable) }),
  z.strictObject({
    ...common,
    type: z.literal("document-extractor"),
    variable_selector: selector,
    is_array_file: z.boolean(),
  }),
  z.strictObject({
    ...common,
    type: z.literal("code"),
    code_language: z.enum(["javascript", "python3"]),
    code: z.string(),
    variables,
    outputs: z.record(z.string(), z.strictObject({ type: z.enum(["string", "number"]), children: z.null() })),
  }),
  z.strictObject({ ...common, type: z.literal("template-transform"), template: z.string(), variables }),
  z.strictObject({
    ...common,
    type: z.literal("llm"),
    model: z.strictObject({
      provider: z.string(),
      name: z.string(),
      mode: z.literal("chat"),
      completion_params: z.record(z.string(), z.number()),
    }),
    prompt_template: z.array(z.strictObject({ role: z.enum(["system", "user", "assistant"]), text: z.string() })),
    context: z.strictObject({ enabled: z.literal(false), variable_selector: z.array(z.string()).length(0) }),
    vision: z.strictObject({ enabled: z.literal(false) }),
  }),
  z.strictObject({
    ...common,
    type: z.literal("http-request"),
    method: z.enum(["get", "post"]),
    url: z.string(),
    authorization: z.strictObject({
      type: z.literal("api-key"),
      config: z.strictObject({ type: z.enum(["basic", "bearer", "custom"]), api_key: z.string() }),
    }),
    headers: z.string(),
    params: z.string(),
    body: z.strictObject({
      type: z.literal("form-data"),
      data: z.array(
        z.discriminatedUnion("type", [
          z.strictObject({ id: z.string(), key: z.string(), type: z.literal("text"), value: z.string() }),
          z.strictObject({ id: z.string(), key: z.string(), type: z.literal("file"), file: selector }),
        ]),
      ),
    }),
    timeout: z.record(z.string(), z.int().positive()),
    retry_config: z.strictObject({ retry_enabled: z.boolean(), max_retries: z.int(), retry_interval: z.int() }),
    ssl_verify: z.boolean(),
  }),
  z.strictObject({
    ...common,
    type: z.literal("end"),
    outputs: z
      .array(z.strictObject({ variable: z.string(), value_type: z.string(), value_selector: selector }))
      .nonempty(),
  }),
]);

const position = z.strictObject({ x: z.number(), y: z.number() });
const off = z.strictObject({ enabled: z.literal(false) });
const environmentVariable = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  value_type: z.enum(["string", "secret", "number"]),
  value: z.string(),
  selector: z.tuple([z.literal("env"), z.string()]),
});

/**
 * A workflow as Dify's own export has it, version 0.3.1, as far as our examples use it.
 * @see https://github.com/langgenius/dify/tree/main/api/tests/fixtures/workflow read on 2026-11-22
 */
export const difyDslSchema = z.strictObject({
  kind: z.literal("app"),
  version: z.literal("0.3.1"),
  dependencies: z.array(z.unknown()).length(0),
  app: z.strictObject({
    name: z.string().min(1),
    description: z.string(),
    mode: z.literal("workflow"),
    icon: z.string(),
    icon_background: z.string().regex(/^#[0-9A-F]{6}$/),
    use_icon_as_answer_icon: z.boolean(),
  }),
  workflow: z.strictObject({
    environment_variables: z.array(environmentVariable),
    conversation_variables: z.array(z.unknown()).length(0),
    features: z.strictObject({
      file_upload: off,
      opening_statement: z.string(),
      retriever_resource: off,
      sensitive_word_avoidance: off,
      speech_to_text: off,
      suggested_questions: z.array(z.string()),
      suggested_questions_after_answer: off,
      text_to_speech: off,
    }),
    graph: z.strictObject({
      viewport: z.strictObject({ x: z.number(), y: z.number(), zoom: z.number() }),
      nodes: z.array(
        z.strictObject({
          id: z.string(),
          type: z.literal("custom"),
          position,
          sourcePosition: z.literal("right"),
          targetPosition: z.literal("left"),
          data,
        }),
      ),
      edges: z.array(
        z.strictObject({
          id: z.string(),
          type: z.literal("custom"),
          source: z.string(),
          sourceHandle: z.literal("source"),
          target: z.string(),
          targetHandle: z.literal("target"),
          zIndex: z.int(),
          data: z.strictObject({
            sourceType: z.string(),
            targetType: z.string(),
            isInIteration: z.literal(false),
            isInLoop: z.literal(false),
          }),
        }),
      ),
    }),
  }),
});

export type DifyDsl = z.infer<typeof difyDslSchema>;
export type DslNode = DifyDsl["workflow"]["graph"]["nodes"][number];

/** What a node can be asked for, with Dify's name of the type. */
export function outputsOf({ data }: DslNode): Readonly<Record<string, string>> {
  switch (data.type) {
    case "start":
      return Object.fromEntries(data.variables.map(({ variable, type }) => [variable, valueTypeOf(type)]));
    case "document-extractor":
      return { text: data.is_array_file ? "array[string]" : "string" };
    case "code":
      return Object.fromEntries(Object.entries(data.outputs).map(([name, { type }]) => [name, type]));
    case "template-transform":
      return { output: "string" };
    case "llm":
      return { text: "string" };
    case "http-request":
      return { body: "string", status_code: "number", files: "array[file]" };
    case "end":
      return {};
  }
}

const valueTypeOf = (type: string): string => {
  if (type === "file") return "file";
  if (type === "file-list") return "array[file]";
  return type === "number" ? "number" : "string";
};

/** Everything a node names of other nodes: selectors, and `{{#node.variable#}}` in its texts. */
export function selectorsOf({ data }: DslNode): readonly (readonly [string, string])[] {
  const inTexts = [...JSON.stringify(data).matchAll(/\{\{#([\w-]+)\.(\w+)#\}\}/g)].map(
    ([, node = "", variable = ""]) => [node, variable] as const,
  );
  switch (data.type) {
    case "document-extractor":
      return [data.variable_selector];
    case "code":
    case "template-transform":
      return data.variables.map(({ value_selector }) => value_selector);
    case "http-request":
      return [...inTexts, ...data.body.data.flatMap((field) => (field.type === "file" ? [field.file] : []))];
    case "end":
      return data.outputs.map(({ value_selector }) => value_selector);
    default:
      return inTexts;
  }
}
