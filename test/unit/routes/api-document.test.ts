import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { apiDocument } from "../../../src/routes/api/document.ts";
import { API_OPERATIONS } from "../../../src/routes/api/operations.ts";
import { createPages, type PagesDeps } from "../../../src/routes/pages.ts";

type Operation = {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly security: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly description?: string }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
};
type Content = Readonly<Record<string, { readonly schema: unknown; readonly example?: unknown }>>;

// As it travels: what JSON leaves out is not there.
const document = JSON.parse(JSON.stringify(apiDocument(API_OPERATIONS, "https://relay.example.com")));
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: operation.operationId, path, method, operation })),
);

test("an independent validator finds no fault in it as OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
  expect(validator.version).toBe("3.1");
});

test("each operation has a name of its own, and each path parameter is described", () => {
  const names = operations.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, operation } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect((operation.parameters ?? []).map(({ name }) => name)).toEqual(expect.arrayContaining(inPath));
  }
});

describe.each(operations)("$name", ({ operation }) => {
  test("says what it does, what it takes and who may call it", () => {
    expect(operation.summary.length).toBeGreaterThan(5);
    expect(operation.description.length).toBeGreaterThan(20);
    for (const { name, description } of operation.parameters ?? []) expect(description, name).toBeTruthy();
  });

  test("tells every refusal in the same shape", () => {
    for (const [status, response] of Object.entries(operation.responses)) {
      expect(response.description).not.toBe("");
      if (Number(status) >= 400)
        expect(response.content).toEqual({
          "application/json": { schema: { $ref: "#/components/schemas/Error" } },
        });
    }
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["400", "503"]));
  });
});

test("every schema compiles in strict mode, and every example fits its own", () => {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
  const inDocument = (schema: unknown) =>
    JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"document#/$defs/'));
  ajv.addSchema({ $id: "document", $defs: inDocument(document.components.schemas) });
  const compile = (schema: unknown) => ajv.compile(inDocument(schema));
  for (const name of Object.keys(document.components.schemas)) compile({ $ref: `#/components/schemas/${name}` });
  let examples = 0;
  for (const { name, operation } of operations)
    for (const { content = {} } of [operation.requestBody ?? {}, ...Object.values(operation.responses)])
      for (const { schema, example } of Object.values(content)) {
        const fits = compile(schema);
        if (example === undefined) continue;
        examples += 1;
        expect(fits(example), `${name}: ${ajv.errorsText(fits.errors)}`).toBe(true);
      }
  expect(examples).toBeGreaterThan(0);
});

test("every route below /api is in the document, and the other way round", () => {
  const inert = { tools: { tools: [] }, queues: [] } as unknown as PagesDeps; // nobody asks: the routes are looked at
  const routes = createPages(inert).routes.filter(({ path, method }) => path.startsWith("/api/") && method !== "ALL");
  const mounted = new Set(routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`));
  const described = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect([...mounted].toSorted()).toEqual(described.toSorted());
});
