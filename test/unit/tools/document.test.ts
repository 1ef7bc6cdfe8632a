import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { TOOLS } from "../../../handlers/tools/tools.ts";
import { toolsDocument } from "../../../src/routes/tools-document.ts";
import { TOOL_OPERATIONS } from "../../../src/rules/tools-schema.ts";

type Schema = {
  readonly type?: unknown;
  readonly format?: string;
  readonly description?: string;
  readonly items?: Schema;
};
type Operation = {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<
        string,
        { readonly schema: { readonly type: string; readonly properties: Readonly<Record<string, Schema>> } }
      >
    >;
  };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
  readonly security?: readonly unknown[];
};
type Document = {
  readonly openapi: string;
  readonly info: { readonly title: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

// As it travels: what JSON leaves out is not there.
const document: Document = JSON.parse(JSON.stringify(toolsDocument(TOOLS, "https://relay.example.com")));
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method,
    name: operation.operationId ?? "",
    operation,
  })),
);

/** Everything a caller fills in, as Dify's importer gathers it: parameters, and the top of the first content type. */
function fieldsOf({ parameters = [], requestBody }: Operation): readonly (readonly [string, Schema])[] {
  const first = Object.values(requestBody?.content ?? {})[0];
  return [
    ...parameters.map(
      ({ name, schema, description }) => [name, { ...schema, description: description ?? "" }] as const,
    ),
    ...Object.entries(first?.schema.properties ?? {}),
  ];
}

test("an independent validator finds no fault", async () => {
  const result = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>);
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
});

describe("Dify imports it: ", () => {
  test("version 3.0, and no type is a list", () => {
    expect(document.openapi).toMatch(/^3\.0\.\d$/);
    const types = JSON.stringify(document).match(/"type":\[/g);
    expect(types).toBeNull();
  });

  test("a title, and one server, whose address takes the path behind it", () => {
    expect(document.info.title).not.toBe("");
    expect(document.servers).toEqual([{ url: "https://relay.example.com" }]);
    for (const { path } of operations) expect(path).toMatch(/^\/tools\/[a-z-]+$/);
  });

  test("nothing refers to something else", () => {
    expect(JSON.stringify(document)).not.toContain("$ref");
  });

  test("at most 100 operations, which are those that the rules file knows", () => {
    expect(operations.map(({ name }) => name).toSorted()).toEqual([...TOOL_OPERATIONS].toSorted());
    expect(operations.length).toBeLessThanOrEqual(100);
  });

  test.each(operations)("$name says what it is for, and who may call it", ({ operation }) => {
    expect(operation.operationId).toMatch(/^[a-zA-Z]+$/);
    expect(operation.summary).not.toBe("");
    expect(operation.description?.length).toBeGreaterThan(20);
    expect(operation.security).toEqual([{ bearer: [] }]);
  });

  test.each(operations)("$name is filled in with described texts, numbers, yes or no, and files", ({ operation }) => {
    for (const [name, schema] of fieldsOf(operation)) {
      expect(schema.description, name).toBeTruthy();
      expect(["string", "integer", "number", "boolean"], name).toContain(schema.type);
    }
  });

  test.each(operations)("$name has no field twice", ({ operation }) => {
    const names = fieldsOf(operation).map(([name]) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(operations)("$name takes a file in a form and nowhere else, as the last field", ({ operation }) => {
    const hasFile = fieldsOf(operation).some(([, { format }]) => format === "binary");
    const mediaTypes = Object.keys(operation.requestBody?.content ?? {});
    expect(mediaTypes).toEqual(hasFile ? ["multipart/form-data"] : operation.requestBody ? ["application/json"] : []);
    if (hasFile) expect(fieldsOf(operation).at(-1)?.[1].format).toBe("binary");
  });

  test.each(operations)("$name answers in JSON, with a message in words", ({ operation }) => {
    for (const { content } of Object.values(operation.responses))
      expect(Object.keys(content ?? {})).toEqual(["application/json"]);
    expect(JSON.stringify(operation.responses["200"])).toContain('"message"');
  });
});
