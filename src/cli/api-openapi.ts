import { parseConfig } from "../config.ts";
import { apiDocument } from "../routes/api/document.ts";
import { API_OPERATIONS } from "../routes/api/operations.ts";
import { withoutEndSlashes } from "../text/without-end.ts";
import type { CliContext, ExitCode } from "./context.ts";

/** Prints the document of the JSON API, as `GET /api/openapi.json` gives it. */
export function printApiDocument(context: CliContext): ExitCode {
  const { http } = parseConfig(context.environment);
  const url = http.publicUrl ?? `http://${http.host}:${http.port}`;
  context.print(JSON.stringify(apiDocument(API_OPERATIONS, withoutEndSlashes(url)), null, 2));
  return 0;
}
