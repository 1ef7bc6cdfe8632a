export type JsonObject = Readonly<Record<string, unknown>>;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A field the sender wrote, never one inherited from a prototype. */
export const field = (object: JsonObject, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined;

/** The first of some fields that is an id: text, or a number a double holds exactly. Spaces around it do not count. */
export const idIn = (objects: readonly JsonObject[], ...keys: readonly string[]): string | undefined => {
  for (const key of keys) {
    for (const object of objects) {
      const id = idOf(field(object, key));
      if (id !== undefined) return id;
    }
  }
  return undefined;
};

/** The `id` inside one of some fields that are objects: `{ "workspace": { "id": "…" } }`. */
export const nestedIdIn = (objects: readonly JsonObject[], ...keys: readonly string[]): string | undefined =>
  idIn(objectsIn(objects, ...keys), "id");

/** The first of some fields that is text; cut nowhere, trimmed nowhere. */
export const textIn = (objects: readonly JsonObject[], ...keys: readonly string[]): string | undefined => {
  for (const key of keys) {
    for (const object of objects) {
      const value = field(object, key);
      if (typeof value === "string" && value !== "") return value;
    }
  }
  return undefined;
};

export const objectsIn = (objects: readonly JsonObject[], ...keys: readonly string[]): readonly JsonObject[] => {
  const found: JsonObject[] = [];
  for (const key of keys) {
    for (const object of objects) {
      const value = field(object, key);
      if (isJsonObject(value)) found.push(value);
    }
  }
  return found;
};

const idOf = (value: unknown): string | undefined => {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  const text = typeof value === "string" ? value.trim() : "";
  return text === "" ? undefined : text;
};
