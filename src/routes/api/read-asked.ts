import { z } from "zod";
import { issueWords } from "../../text/issue-words.ts";

/** One thing wrong with a request. */
const Fault = z.object({
  in: z.enum(["query", "body"]),
  name: z.string().describe("Of the parameter, or the path of the member in the body"),
  reason: z.string(),
});

/** Every refusal of the API, whatever its status. */
export const ApiError = z
  .object({
    error: z.string().describe("What is wrong, in words"),
    code: z.string().optional().describe("Where one status has several reasons: which, in a word for programs"),
    faults: z.array(Fault).optional().describe("Which parameters or members of the body do not fit, and why"),
  })
  .meta({ id: "Error" });

export type Faults = readonly Readonly<z.infer<typeof Fault>>[];
type Read<Value> = { readonly value: Value } | { readonly faults: Faults };

/** The parameters behind the `?`, by name. Nothing but blanks counts as left out, as forms send what was not filled in. */
export function readQuery<Schema extends z.ZodObject>(schema: Schema, given: URLSearchParams): Read<z.output<Schema>> {
  const names = new Set(given.keys());
  const repeated = [...names].filter((name) => given.getAll(name).length > 1 && !isList(schema.shape[name]));
  if (repeated.length > 0)
    return {
      faults: repeated.map((name) => ({
        in: "query",
        name: name.slice(0, MOST_SHOWN),
        reason: "occurs more than once",
      })),
    };
  return readWith(schema, filledIn(schema, given), "query");
}

/** The same for the addresses of pages, which people edit by hand: what cannot be used is left out. */
export function readQueryTolerantly<Schema extends z.ZodObject>(
  schema: Schema,
  given: URLSearchParams,
): z.output<Schema> {
  const values = filledIn(schema, given);
  const read = schema.safeParse(values);
  if (read.success) return read.data;
  const unusable = new Set(
    read.error.issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? issue.keys : [String(issue.path[0])])),
  );
  return schema.parse(Object.fromEntries(Object.entries(values).filter(([name]) => !unusable.has(name))));
}

/** A body of JSON; none at all is an empty object. */
export function readBody<Schema extends z.ZodObject>(schema: Schema, bytes: Uint8Array): Read<z.output<Schema>> {
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    return { faults: [{ in: "body", name: "", reason: "is not JSON" }] };
  }
  return readWith(schema, value, "body");
}

/** More than these are not worth telling at once. */
const MOST_FAULTS = 20;

/** The answer to what does not fit. */
export function unfit(all: Faults): { readonly status: 400; readonly error: string; readonly faults: Faults } {
  const faults = all.slice(0, MOST_FAULTS);
  return { status: 400, error: sayFaults(faults), faults };
}

/** All faults in one sentence. */
const sayFaults = (faults: Faults): string =>
  `${faults.map(({ in: place, name, reason }) => `${placeOf(place, name)}: ${reason}`).join("; ")}.`;

/** Of names that strangers make up. */
const MOST_SHOWN = 60;

const placeOf = (place: Faults[number]["in"], name: string): string =>
  name === "" ? `the ${place}` : place === "query" ? `the parameter ${name}` : `${name} in the body`;

const filledIn = (schema: z.ZodObject, given: URLSearchParams): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    [...new Set(given.keys())].flatMap((name) => {
      const values = given.getAll(name).filter((value) => value.trim() !== "");
      return values.length === 0 ? [] : [[name, isList(schema.shape[name]) ? values : values[0]]];
    }),
  );

/** Whether a parameter may occur several times. */
function isList(schema: z.core.$ZodType | undefined): boolean {
  if (schema instanceof z.ZodOptional) return isList(schema.unwrap());
  return schema instanceof z.ZodPipe ? isList(schema.out) : schema instanceof z.ZodArray;
}

function readWith<Schema extends z.ZodObject>(
  schema: Schema,
  value: unknown,
  place: Faults[number]["in"],
): Read<z.output<Schema>> {
  const read = schema.safeParse(value);
  if (read.success) return { value: read.data };
  return { faults: read.error.issues.flatMap((issue) => faultsOf(issue, place, Object.keys(schema.shape))) };
}

function faultsOf(issue: z.core.$ZodIssue, place: Faults[number]["in"], known: readonly string[]): Faults {
  if (issue.code === "unrecognized_keys" && issue.path.length === 0) {
    const instead = known.length === 0 ? "there is none" : `there are ${known.join(", ")}`;
    return issue.keys.map((key) => ({ in: place, name: key.slice(0, MOST_SHOWN), reason: `is not known; ${instead}` }));
  }
  const name = issue.path.map(String).join(".").slice(0, MOST_SHOWN);
  return [{ in: place, name, reason: issueWords(issue) }];
}
