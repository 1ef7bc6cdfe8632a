import { z } from "zod";
import { mimeGlob, OR_NAME, oneOrMore, size, template, text } from "./fields.ts";
import { TEXT_NAMES } from "./template-names.ts";

const NAME_CHARS = 200;

/** One output of the workflow to hand on; a bare name stands for a map with nothing but it. */
const OutputSchema = z.preprocess(
  (value) => (typeof value === "string" ? { name: value } : value),
  z
    .strictObject({
      name: text.refine((value) => value.length <= NAME_CHARS, `is longer than ${NAME_CHARS} characters`),
      as: template(TEXT_NAMES).optional(),
      types: oneOrMore(mimeGlob).optional(),
      maxSize: size.optional(),
    })
    .meta(OR_NAME)
    .transform(({ maxSize, ...output }) => ({ ...output, maxSizeBytes: maxSize })),
);

/** What of the outputs is handed on. */
export const OutputsSchema = oneOrMore(OutputSchema);
