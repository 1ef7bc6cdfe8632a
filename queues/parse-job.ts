import type { z } from "zod";
import { PermanentError } from "../src/errors.ts";

/** A job is parsed again on the way out; one that does not parse can never be done. */
export function parseJob<T extends z.ZodType>(schema: T, data: unknown): z.output<T> {
  const parsed = schema.safeParse(data);
  if (!parsed.success) throw new PermanentError("job_malformed", "the job's data does not fit its schema");
  return parsed.data;
}
