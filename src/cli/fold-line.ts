import { wrapWords } from "../text/wrap-words.ts";
import type { CliContext } from "./context.ts";

/** A line of prose as a terminal has room for it; what goes elsewhere stays one line. @param taken columns before each */
export const foldLine = (
  { isWatched, columns }: Pick<CliContext, "isWatched" | "columns">,
  line: string,
  indent: string,
  taken = 0,
): readonly string[] => (isWatched ? wrapWords(line, columns - taken, indent) : [line]);
