import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Tool } from "../../handlers/tools/tool.ts";

const Failure = z.object({
  status: z.int().describe("HTTP status"),
  code: z.string().describe("Stable name of what went wrong"),
  message: z.string().describe("What went wrong, in words"),
  nextAction: z.string().describe("What to do"),
});

/** Statuses of refusals, and what they mean to the caller. */
const REFUSALS = {
  400: "The input does not fit, or `confirm` is missing",
  401: "No token, or a wrong one",
  402: "The plan or the credits of Fast.io do not allow it",
  403: "The token may not do this",
  404: "There is no such thing",
  409: "Something stands against it: another call under way, or what is there already",
  413: "The file is too large",
  422: "This Fast.io server cannot do that, or could not",
  429: "Too many calls; `Retry-After` says when to come back",
} as const;

/**
 * The operations as an OpenAPI document that Dify imports as a custom tool: version 3.0, one server, no `$ref`, flat
 * parameters with descriptions.
 *
 * @param serverUrl where the relay is reached, without a slash at its end
 */
export function toolsDocument(tools: readonly Tool[], serverUrl: string) {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  const failure = { "application/json": { schema: Failure } };
  for (const tool of tools) {
    const { name, path, summary, description, input, output, effect, takesFile } = tool;
    const mediaType = takesFile === true ? "multipart/form-data" : "application/json";
    registry.registerPath({
      method: effect === "read" ? "get" : "post",
      path: `/tools/${path}`,
      operationId: name,
      summary,
      description,
      security: [{ bearer: [] }],
      request:
        effect === "read"
          ? { query: input }
          : { body: { required: true, content: { [mediaType]: { schema: input } } } },
      responses: {
        200: { description: "Done", content: { "application/json": { schema: output } } },
        ...Object.fromEntries(
          Object.entries(REFUSALS).map(([status, words]) => [status, { description: words, content: failure }]),
        ),
        default: { description: "The relay or Fast.io cannot do this now", content: failure },
      },
    });
  }
  return app.getOpenAPIDocument({
    openapi: "3.0.3",
    info: {
      title: "Fast.io files and shares",
      version: "1.0.0",
      description: "Files, shares, drop-offs and questions in Fast.io, for agents and workflows.",
    },
    servers: [{ url: serverUrl }],
  });
}
