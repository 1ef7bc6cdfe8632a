import { z } from "zod";
import { duration, KeyVariableSchema, OR_ONE, template, word } from "./fields.ts";
import { DEFAULT_BATCH } from "./rule.ts";
import { INPUT_NAMES, TEXT_NAMES } from "./template-names.ts";

const DEFAULT_TIMEOUT_MS = 20 * 60_000;
const MAX_TIMEOUT_MS = 24 * 3_600_000;
const MOST_FILES = 1_000;

/** A name as Dify variables have, which is also how answers are called in templates. */
const VariableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, "must be letters, digits and _ only, not starting with a digit");

/** Questions put to Fast.io. */
const AskSchema = z.strictObject({
  question: template(TEXT_NAMES),
  into: VariableName,
  scope: word(["files", "folder", "workspace"]).default("files"),
  citations: z.boolean().default(false),
});

/** One question may stand without its brackets. */
export const asks = z.preprocess(
  (value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? [value] : value),
  z.array(AskSchema).min(1, "is an empty list").max(10, "has more than 10 questions").meta(OR_ONE),
);

const BATCH_FILES = `must be a whole number from 1 to ${MOST_FILES}`;

const BatchSchema = z
  .strictObject({
    quiet: duration(1_000, 3_600_000, "between 1s and 1h").default(DEFAULT_BATCH.quietMs),
    maxFiles: z
      .number()
      .int(BATCH_FILES)
      .min(1, BATCH_FILES)
      .max(MOST_FILES, BATCH_FILES)
      .default(DEFAULT_BATCH.maxFiles),
  })
  .transform(({ quiet, maxFiles }) => ({ quietMs: quiet, maxFiles }));

/** The part of a rule that says what is run. */
export const RunSchema = z
  .strictObject({
    key: KeyVariableSchema.default("DIFY_API_KEY"),
    inputs: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/),
        z.union([template(INPUT_NAMES), z.number(), z.boolean()], "must be text, a number, true or false"),
      )
      .default({}),
    timeout: duration(1_000, MAX_TIMEOUT_MS, "between 1s and 24h").default(DEFAULT_TIMEOUT_MS),
    send: word(["upload", "url"]).default("upload"),
    whenUntraced: word(["start-again", "ask"]).optional(),
    ask: asks.optional(),
    group: word(["each", "batch"]).optional(),
    batch: BatchSchema.optional(),
  })
  .transform(({ key, timeout, batch, ...run }) => ({
    ...run,
    ...(run.group === "batch" ? { batch: batch ?? DEFAULT_BATCH } : batch === undefined ? {} : { batch }),
    keyVariable: key,
    timeoutMs: timeout,
  }));
