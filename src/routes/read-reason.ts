import type { Context } from "hono";
import { z } from "zod";
import { readLimitedBody } from "../read-body.ts";

const MAX_BODY_BYTES = 16_384;
export const Reason = z.strictObject({
  reason: z.string().max(2_000).optional().describe("Why; it is written down with the deed"),
});

export const WRONG_REASON = 'The body must be nothing, or JSON such as {"reason":"a test"}.';

/** The reason an operator gives for a deed. @returns undefined for a body that says something else */
export const readReason = (context: Context, isJson: boolean): Promise<z.infer<typeof Reason> | undefined> =>
  readSmallBody(context, isJson, Reason);

/**
 * What an operator says beside a deed, from JSON or from a form; no body is an empty object.
 * @returns undefined for a body that says something else
 */
export async function readSmallBody<Body>(
  context: Context,
  isJson: boolean,
  schema: z.ZodType<Body>,
): Promise<Body | undefined> {
  const text = await readText(context);
  if (text === undefined) return undefined;
  try {
    const form = (): unknown => Object.fromEntries(new URLSearchParams(text));
    return schema.safeParse(text === "" ? {} : isJson ? JSON.parse(text) : form()).data;
  } catch {
    return undefined;
  }
}

/** The fields of a form, each as often as it was sent. */
export async function readFields(context: Context): Promise<Readonly<Record<string, readonly string[]>> | undefined> {
  const text = await readText(context);
  if (text === undefined) return undefined;
  const fields = new URLSearchParams(text);
  return Object.fromEntries([...new Set(fields.keys())].map((name) => [name, fields.getAll(name)]));
}

async function readText(context: Context): Promise<string | undefined> {
  const read = await readLimitedBody(context.req.raw.body, MAX_BODY_BYTES);
  if (read.kind !== "bytes") return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(read.bytes);
  } catch {
    return undefined;
  }
}
