import { TOOLS } from "../../handlers/tools/tools.ts";
import { parseConfig } from "../config.ts";
import { toolsDocument } from "../routes/tools-document.ts";
import { withoutEndSlashes } from "../text/without-end.ts";
import type { CliContext, ExitCode } from "./context.ts";

/** Prints the document that Dify imports as a custom tool, as `GET /tools/openapi.json` gives it. */
export function printOpenApi(context: CliContext): ExitCode {
  const { http } = parseConfig(context.environment);
  const url = http.publicUrl ?? `http://${http.host}:${http.port}`;
  context.print(JSON.stringify(toolsDocument(TOOLS, withoutEndSlashes(url)), null, 2));
  return 0;
}
