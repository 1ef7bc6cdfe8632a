import { z } from "zod";
import { KEY_DOCS } from "./key-docs.ts";
import { FileSchema } from "./schema.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The rules file as JSON Schema, so that editors complete and check it as one writes. What it lets through may still be
 * wrong: globs, templates and what does not go together are seen by `relay rules check` alone.
 */
export function rulesJsonSchema(): Json {
  // Draft 7 is what every editor knows.
  const { $schema, ...schema } = z.toJSONSchema(FileSchema, { io: "input", target: "draft-7" });
  return { $schema, title: "Rules of the relay", ...describe(schema, "") };
}

/** As it stands in the repository. */
export const printJsonSchema = (): string => `${JSON.stringify(rulesJsonSchema(), null, 2)}\n`;

function describe(schema: Json, path: string): Json {
  const { orOne, orName, default: _filledIn, ...rest } = schema;
  const doc = KEY_DOCS[path];
  const told = {
    ...(doc === undefined ? {} : { description: doc.says }),
    ...(doc?.unsaid === undefined ? {} : { default: doc.unsaid }),
  };
  const inner = within(rest, path);
  if (orOne) return { ...told, anyOf: [inner["items"], inner] };
  if (orName) return { anyOf: [{ type: "string" }, inner] };
  return { ...told, ...inner };
}

function within(schema: Json, path: string): Json {
  const { properties, additionalProperties, items } = schema;
  return {
    ...schema,
    ...(isMap(properties)
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, value]) => [
              key,
              isMap(value) ? describe(value, path === "" ? key : `${path}.${key}`) : value,
            ]),
          ),
        }
      : {}),
    // A map whose keys are names of the writer's own.
    ...(isMap(additionalProperties) && isMap(additionalProperties["properties"])
      ? { additionalProperties: within(additionalProperties, path) }
      : {}),
    ...(isMap(items) ? { items: items["orName"] ? describe(items, path) : within(items, path) } : {}),
  };
}

const isMap = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
