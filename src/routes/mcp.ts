import type { Context, Hono } from "hono";
import { z } from "zod";
import { type CallTool, isAllowed } from "../../handlers/tools/call-tool.ts";
import { failure, type ToolOutcome } from "../../handlers/tools/tell-failure.ts";
import type { Tool } from "../../handlers/tools/tool.ts";
import type { ToolCaller } from "../../handlers/tools/tool-callers.ts";
import { authenticate, tellOutcome } from "./tool-callers.ts";
import type { ToolDeps } from "./tools.ts";

const INFO = { name: "fastio-dify-relay", title: "Fast.io files and shares", version: "1.0.0" };
const INSTRUCTIONS =
  "Files, shares, drop-offs and questions in Fast.io. Begin with listWorkspaces. Give a requestId to calls that change something, and the same one when you repeat them. What needs confirm: true is asked of the person first.";

/** A refusal of a whole request, before JSON-RPC has named a call. */
const WRONG_METHOD = failure(405, "invalid_request", "this server keeps no sessions", "Send POST.");

/** The same operations for agents that speak the Model Context Protocol: streamable HTTP, one answer a request, no session. */
export function mountMcp(app: Hono, { tools, findCaller, callTool }: ToolDeps): void {
  app.post("/mcp", async (context) => {
    const who = authenticate(findCaller, context);
    return "refused" in who ? tellOutcome(context, who.refused) : answerMcp(tools, callTool, who.caller, context);
  });
  app.all("/mcp", (context) => {
    context.header("allow", "POST");
    return tellOutcome(context, WRONG_METHOD);
  });
}

async function answerMcp(
  tools: readonly Tool[],
  callTool: CallTool,
  caller: ToolCaller,
  context: Context,
): Promise<Response> {
  // Loaded by the first who asks: a relay without agents has no need of it.
  const [{ Server }, { WebStandardStreamableHTTPServerTransport }, schemas] = await Promise.all([
    import("@modelcontextprotocol/sdk/server/index.js"),
    import("@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"),
    import("@modelcontextprotocol/sdk/types.js"),
  ]);
  const server = new Server(INFO, { capabilities: { tools: {} }, instructions: INSTRUCTIONS });
  server.setRequestHandler(schemas.ListToolsRequestSchema, () => ({
    tools: tools.filter((tool) => isAllowed(caller, tool)).map(describeTool),
  }));
  server.setRequestHandler(schemas.CallToolRequestSchema, async ({ params }) => {
    const read = async () => ({ input: params.arguments ?? {} });
    return resultOf(await callTool({ caller, via: "mcp", operation: params.name, read }));
  });
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  return transport.handleRequest(context.req.raw);
}

type ObjectSchema = { readonly type: "object"; readonly [key: string]: unknown };

function describeTool({ name, summary, description, input, output, effect, confirms, takesFile }: Tool) {
  return {
    name,
    title: summary,
    description,
    // Calls of MCP carry JSON only; a file comes as text or by its address.
    inputSchema: schemaOf(takesFile === true ? input.omit({ file: true }) : input),
    outputSchema: schemaOf(output),
    annotations: {
      readOnlyHint: effect === "read",
      destructiveHint: confirms !== undefined,
      openWorldHint: true,
    },
  };
}

const schemaOf = (shape: z.ZodObject): ObjectSchema => ({ ...z.toJSONSchema(shape, { io: "input" }), type: "object" });

function resultOf({ status, body }: ToolOutcome) {
  const content = [{ type: "text" as const, text: JSON.stringify(body) }];
  return status === 200 ? { content, structuredContent: { ...body } } : { content, isError: true };
}
