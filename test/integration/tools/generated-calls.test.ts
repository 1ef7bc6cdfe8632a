import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TOOLS } from "../../../handlers/tools/tools.ts";
import { toolsDocument } from "../../../src/routes/tools-document.ts";
import { AGENT_TOKEN, formOf, openToolBench, type ToolBench } from "./open-tool-bench.ts";

let bench: ToolBench;
beforeAll(async () => {
  bench = await openToolBench();
  await bench.upload(formOf({ workspace: "Dify-Outputs", folder: "/Known" }, { name: "a.txt", content: "hello" }));
});
afterAll(() => bench.close());

type Field = {
  readonly type: "string" | "integer" | "boolean";
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly format?: string;
};
type Operation = {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly schema: Field }[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly schema: { readonly properties: Readonly<Record<string, Field>> } }>
    >;
  };
};

/** The document itself is what calls are made from. */
const document: { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> } = JSON.parse(
  JSON.stringify(toolsDocument(TOOLS, "http://relay")),
);
const OPERATIONS = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: operation.operationId,
    method,
    path: path.replace("/tools/", ""),
    isForm: operation.requestBody?.content["multipart/form-data"] !== undefined,
    fields: new Map([
      ...(operation.parameters ?? []).map(({ name, schema }) => [name, schema] as const),
      ...Object.values(operation.requestBody?.content ?? {}).flatMap(({ schema }) => Object.entries(schema.properties)),
    ]),
  })),
);

/** What fits, with ids and names that exist among them, so that calls get past the first look-up. */
function fitting(name: string, field: Field, known: readonly string[]): fc.Arbitrary<unknown> {
  if (name === "workspace") return fc.constantFrom("Dify-Outputs", bench.fastio.workspaceId, "nowhere");
  if (name === "confirm") return fc.boolean();
  if (name === "requestId") return fc.stringMatching(/^[\w.:-]{1,100}$/);
  if (field.enum) return fc.constantFrom(...field.enum);
  if (field.type === "boolean") return fc.boolean();
  if (field.type === "integer") return fc.integer({ min: field.minimum ?? 0, max: field.maximum ?? 100 });
  const words = fc.string({ minLength: 1, maxLength: Math.min(field.maxLength ?? 60, 60), unit: "grapheme" });
  return fc.oneof(words, fc.constantFrom("/Known", "/Known/a.txt", "root", "a@example.com", "/../x", ...known));
}

/** What does not: other types, too long, control characters, halves of characters, nothing. */
const unfitting = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    "",
    "\u0000",
    "\ud800",
    "..",
    "%2e%2e/",
    "x".repeat(20_000),
    -1,
    1e300,
    [],
    {},
    ["a"],
    true,
  ),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.jsonValue({ maxDepth: 2 }),
);

function inputOf(fields: ReadonlyMap<string, Field>, known: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  const values = [...fields].filter(([, { format }]) => format !== "binary");
  const good = Object.fromEntries(values.map(([name, field]) => [name, fitting(name, field, known)]));
  const mixed = Object.fromEntries(
    values.map(([name, field]) => [name, fc.oneof({ weight: 3, arbitrary: fitting(name, field, known) }, unfitting)]),
  );
  return fc.oneof(
    fc.record(good),
    fc.record(good, { requiredKeys: [] }),
    fc.record(mixed, { requiredKeys: [] }),
    fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 4 }),
  );
}

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
const asTexts = (input: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(input).map(([name, value]) => [name, asText(value) ?? ""]));

const queryOf = (input: Readonly<Record<string, unknown>>): string => new URLSearchParams(asTexts(input)).toString();

describe("calls made from the document, good and bad", () => {
  test.each(OPERATIONS)(
    "$name never fails by itself, and says what was wrong",
    { retry: 0 },
    async ({ method, path, isForm, fields }) => {
      const made = await bench.call("create-share", { workspace: "Dify-Outputs", title: "Known share" });
      const known = [String(made.body["id"])];
      await fc.assert(
        fc.asyncProperty(inputOf(fields, known), async (input) => {
          // Node itself turns longer addresses away, with 431 and no body.
          fc.pre(method !== "get" || queryOf(input).length < 12_000);
          const told = isForm
            ? await bench.upload(formOf(asTexts(input), { name: "f.txt", content: "x" }))
            : method === "get"
              ? await bench.read(path, asTexts(input))
              : await bench.call(path, input);
          expect(told.status, JSON.stringify({ input, told: told.body })).toBeLessThan(500);
          expect(told.body["message"]).toEqual(expect.any(String));
          if (told.status !== 200)
            expect(told.body).toMatchObject({
              status: told.status,
              code: expect.any(String),
              nextAction: expect.any(String),
            });
        }),
        { numRuns: 25, endOnFailure: true, interruptAfterTimeLimit: 20_000 },
      );
    },
  );

  test.each(["", "{", "[]", "null", '"text"', "\u0000", "x".repeat(5_000_000)])("a body of %.10s", async (body) => {
    for (const { path, method } of OPERATIONS) {
      if (method === "get") continue;
      const response = await fetch(`${bench.relay.url}/tools/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${AGENT_TOKEN}`, "content-type": "application/json" },
        body,
      });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      expect(await response.json()).toMatchObject({ status: response.status, nextAction: expect.any(String) });
    }
  });

  test.each([
    { what: "cut short", body: '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhalf of' },
    { what: "with the file before the fields", body: part("file", "x", "a.txt") + part("workspace", "Dify-Outputs") },
    { what: "with a file of another name", body: part("workspace", "Dify-Outputs") + part("other", "x", "a.txt") },
    { what: "with a field twice", body: part("name", "a") + part("name", "b") + part("text", "x") },
    { what: "of nothing", body: "" },
    { what: "of noise", body: "no form at all" },
  ])("a form $what stores nothing", async ({ body }) => {
    const response = await fetch(`${bench.relay.url}/tools/upload-file`, {
      method: "POST",
      headers: { authorization: `Bearer ${AGENT_TOKEN}`, "content-type": "multipart/form-data; boundary=b" },
      body: body.startsWith("--b\r\n") && body.endsWith("\r\n") ? `${body}--b--\r\n` : body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_request" });
  });

  test.each(OPERATIONS)("$name by another method is refused", async ({ method, path }) => {
    const other = method === "get" ? "POST" : "GET";
    const response = await fetch(`${bench.relay.url}/tools/${path}`, { method: other });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(method === "get" ? "GET, HEAD" : "POST");
    await response.body?.cancel();
  });
});

function part(name: string, value: string, fileName?: string): string {
  const file = fileName === undefined ? "" : `; filename="${fileName}"`;
  return `--b\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
}
