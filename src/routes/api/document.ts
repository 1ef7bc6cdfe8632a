import { z } from "zod";
import type { OperationSpec } from "./operation.ts";
import { ApiError } from "./read-asked.ts";

type Json = Readonly<Record<string, unknown>>;

const DESCRIPTION = `What became of files, and what operators do about it: the same as the pages show.

Times are milliseconds since the Unix epoch and end in \`…Ms\`; sizes are bytes. What is not known or not there is \`null\`. Lists come newest first and a page at a time: ask again with \`before\` set to what was told as \`next\`, until that is \`null\`. Answers may get further members; ignore what you do not know. Refusals have the same shape everywhere: \`error\` says what is wrong in words.`;

/** Refusals that no operation declares, since they come before it. */
const UNFIT = "A parameter or the body does not fit; `faults` says which and why";
const STRANGER = "No token, or a wrong one";
const FORBIDDEN = "The token's role may not do this, or a cookie was sent by a page that is not the relay's own";
const TOO_LARGE = "The body is too large";
const TOO_OFTEN = "Too many wrong tokens from this address; `Retry-After` says when to come back";
const UNAVAILABLE = "The relay cannot answer now, or nobody has set `RELAY_TOKENS`";

/**
 * The operations as an OpenAPI 3.1 document. Its schemas are those that requests are read with and answers are typed by.
 * @param serverUrl where the relay is reached, without a slash at its end
 */
export function apiDocument(operations: readonly OperationSpec[], serverUrl: string): Json {
  const schemas = describeSchemas(operations);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const spec of operations) {
    paths[spec.path] ??= {};
    Object.assign(paths[spec.path] ?? {}, { [spec.method]: describeOperation(spec, schemas) });
  }
  return {
    openapi: "3.1.1",
    info: { title: "relay", version: "1.0.0", summary: "One file in, one share out", description: DESCRIPTION },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    servers: [{ url: serverUrl }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A token of RELAY_TOKENS" },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: "relay_session",
          description: "Of a login at `/login`; over TLS its name begins with `__Host-`",
        },
      },
      schemas: schemas.shared,
    },
  };
}

function describeOperation(spec: OperationSpec, schemas: Schemas): Json {
  const { id, tag, role, summary, description, params, query, body, bodyExample } = spec;
  const parameters = [
    ...parametersOf("path", params && schemas.of(partOf(spec, "params"))),
    ...parametersOf("query", query && schemas.of(partOf(spec, "query"))),
  ];
  const asJson = (schema: unknown, example?: unknown): Json => ({
    content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } },
  });
  const refused = (words: string): Json => ({
    description: words,
    ...asJson({ $ref: "#/components/schemas/Error" }),
  });
  const answers = Object.entries(spec.answers).map(([status, answer]) => [
    status,
    "schema" in answer
      ? { description: answer.description, ...asJson(schemas.of(partOf(spec, status)), answer.example) }
      : {
          description: answer.description,
          content: Object.fromEntries(
            answer.mediaTypes.map((type) => [
              type,
              { schema: { type: "string" }, ...(answer.example === undefined ? {} : { example: answer.example }) },
            ]),
          ),
        },
  ]);
  const refusals: Readonly<Record<string, string>> = {
    400: UNFIT,
    ...(role === null ? {} : { 401: STRANGER, 403: FORBIDDEN, 429: TOO_OFTEN }),
    ...(params && { 404: "There is no such thing" }),
    ...(body && { 413: TOO_LARGE }),
    503: UNAVAILABLE,
    ...spec.refusals,
  };
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: role === null ? description : `${description}\n\nNeeds the role ${role} or a higher one.`,
    // Since 3.1 these lists name the roles that are needed.
    security: role === null ? [] : [{ bearer: [role] }, { cookie: [role] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: !body.safeParse({}).success, ...asJson(schemas.of(partOf(spec, "body")), bodyExample) },
    }),
    responses: {
      ...Object.fromEntries(answers),
      ...Object.fromEntries(Object.entries(refusals).map(([status, words]) => [status, refused(words)])),
    },
  };
}

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly description?: string;
};

function parametersOf(place: "path" | "query", schema: JsonSchema | undefined): readonly Json[] {
  return Object.entries(schema?.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === "path",
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

type Schemas = {
  /** Those that have names, by name. */
  readonly shared: Json;
  readonly of: (part: string) => JsonSchema;
};

const partOf = ({ id }: OperationSpec, part: string): string => `${id}.${part}`;

function describeSchemas(operations: readonly OperationSpec[]): Schemas {
  const asked: Record<string, z.ZodType> = {};
  const told: Record<string, z.ZodType> = { Error: ApiError };
  for (const spec of operations) {
    for (const part of ["params", "query", "body"] as const) {
      const schema = spec[part];
      if (schema) asked[partOf(spec, part)] = schema;
    }
    for (const [status, answer] of Object.entries(spec.answers))
      if ("schema" in answer) told[partOf(spec, status)] = answer.schema;
  }
  const [inputs, outputs] = [toJsonSchemas(asked, "input"), toJsonSchemas(told, "output")];
  const parts = { ...inputs.parts, ...outputs.parts };
  return { shared: { ...inputs.shared, ...outputs.shared }, of: (part) => parts[part] ?? {} };
}

/** All at once, so that what has a name is described once. */
function toJsonSchemas(
  schemas: Readonly<Record<string, z.ZodType>>,
  io: "input" | "output",
): { readonly parts: Readonly<Record<string, JsonSchema>>; readonly shared: Json } {
  const whole = z.toJSONSchema(z.object(schemas), {
    io,
    override: ({ jsonSchema }) => {
      delete jsonSchema["id"];
      // Answers may get further members, and nobody is to fall over them.
      if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      // What JavaScript can count to says nothing about the number.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  const { properties, $defs } = JSON.parse(JSON.stringify(whole).replaceAll('"#/$defs/', '"#/components/schemas/'));
  return { parts: properties ?? {}, shared: $defs ?? {} };
}
