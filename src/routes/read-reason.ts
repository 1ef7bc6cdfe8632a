import type { Context } from "hono";
import { z } from "zod";
import { readLimitedBody } from "../read-body.ts";

const MAX_BODY_BYTES = 4_096;
const Reason = z.strictObject({ reason: z.string().max(2_000).optional() });

export const WRONG_REASON = 'The body must be nothing, or JSON such as {"reason":"a test"}.';

/**
 * The reason an operator gives for a deed, from JSON or from a form.
 * @returns undefined for a body that says something else
 */
export async function readReason(context: Context, isJson: boolean): Promise<z.infer<typeof Reason> | undefined> {
  const read = await readLimitedBody(context.req.raw.body, MAX_BODY_BYTES);
  if (read.kind !== "bytes") return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(read.bytes);
    const form = (): unknown => Object.fromEntries(new URLSearchParams(text));
    return Reason.safeParse(text === "" ? {} : isJson ? JSON.parse(text) : form()).data;
  } catch {
    return undefined;
  }
}
