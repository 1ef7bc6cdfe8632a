import { z } from "zod";

/** A name that is asked for. Some control characters (U+0000) are an error to the ledger, as are halves of characters. */
export const queryWord = (mostChars: number) =>
  z
    .string()
    .max(mostChars)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "holds characters that no name has");
