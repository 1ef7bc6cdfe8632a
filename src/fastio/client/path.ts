import { PermanentError } from "../../errors.ts";

/**
 * Builds a path from a template, each value encoded as one segment.
 * @throws {PermanentError} `invalid_request` for a value that would not stay a segment: empty, `.` or `..`
 */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return parts.reduce((built, part, index) => {
    const value = values[index - 1] ?? "";
    if (value === "" || value === "." || value === "..")
      throw new PermanentError("invalid_request", "an id is empty or no id");
    return built + encodeURIComponent(value) + part;
  });
}
