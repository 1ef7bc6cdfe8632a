import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
};
export type Operation = {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: "path" | "query"; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: unknown }>> }>
  >;
};
export type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};
export type Call = { readonly method: string; readonly path: string; readonly operation: Operation };

export const callsOf = (document: Document): readonly Call[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

/** Objects have what they are said to have and nothing else, which the document itself leaves open for later versions. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  return "properties" in members && !("additionalProperties" in members)
    ? { ...members, additionalProperties: false }
    : members;
};

/** Tells what an answer has against the document; nothing when it is as described, to the last member. */
export function createCheck(document: Document): (call: Call, answer: Response, text: string) => string | undefined {
  const ajv = new Ajv2020({ strict: false });
  const local = (schema: unknown): object =>
    JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/components/schemas/', '"document#/$defs/'));
  ajv.addSchema({ $id: "document", $defs: local(document.components.schemas) });
  const compiled = new Map<string, ValidateFunction>();
  return ({ operation }, answer, text) => {
    const described = operation.responses[String(answer.status)];
    if (!described) return `${answer.status} is not described: ${text.slice(0, 300)}`;
    const mediaType = answer.headers.get("content-type")?.split(";")[0] ?? "";
    const content = described.content[mediaType];
    if (!content) return `${mediaType} is not described for ${answer.status}`;
    if (mediaType !== "application/json") return undefined;
    const key = `${operation.operationId}.${answer.status}`;
    const fits = compiled.get(key) ?? ajv.compile(local(content.schema));
    compiled.set(key, fits);
    if (answer.headers.get("cache-control") !== "no-store") return "may be kept by caches";
    return fits(JSON.parse(text)) ? undefined : `${ajv.errorsText(fits.errors)}: ${text.slice(0, 300)}`;
  };
}
