import type { Context, Hono } from "hono";
import type { CallTool } from "../../handlers/tools/call-tool.ts";
import { malformed, ToolRefusal } from "../../handlers/tools/refuse.ts";
import { failure } from "../../handlers/tools/tell-failure.ts";
import type { Json, Tool, ToolFile } from "../../handlers/tools/tool.ts";
import type { FindCaller, ToolCaller } from "../../handlers/tools/tool-callers.ts";
import { readLimitedBody } from "../read-body.ts";
import { withoutEndSlashes } from "../text/without-end.ts";
import { declaredBytes, readHeader } from "./read-incoming.ts";
import { authenticate, tellOutcome, UNCONFIGURED } from "./tool-callers.ts";
import type { ListToolCalls } from "./tool-calls.ts";
import { readToolForm, type ToolForm } from "./tool-form.ts";
import { toolsDocument } from "./tools-document.ts";
import { allowedMethods } from "./wrong-method.ts";

export type ToolDeps = {
  readonly tools: readonly Tool[];
  readonly findCaller: FindCaller;
  readonly callTool: CallTool;
  readonly listCalls: ListToolCalls;
  /** Where people and agents reach the relay; undefined: where they reached it this time. */
  readonly publicUrl: string | undefined;
};

/** A body of JSON, here and over MCP; files come as forms. */
const MAX_JSON_BYTES = 4 * 1_024 * 1_024;
/** What a form has beside its file. */
const FORM_EXTRA_BYTES = 5 * 1_024 * 1_024;

/** The operations for Dify's custom tools, and the document that describes them. */
export function mountTools(app: Hono, deps: ToolDeps): void {
  const { tools, findCaller, publicUrl } = deps;
  app.get("/tools/openapi.json", (context) => {
    // Dify fetches it without a token, and no secret is in it; without any token there is nothing to describe.
    if (findCaller(undefined).kind === "unconfigured") return tellOutcome(context, UNCONFIGURED);
    const url = publicUrl ?? new URL(context.req.url).origin;
    return context.json(toolsDocument(tools, withoutEndSlashes(url)), 200, { "cache-control": "no-store" });
  });
  for (const tool of tools) {
    const path = `/tools/${tool.path}`;
    const method = tool.effect === "read" ? "GET" : "POST";
    app.on(method, path, async (context) => {
      const who = authenticate(findCaller, context);
      return "refused" in who ? tellOutcome(context, who.refused) : callOverHttp(deps, tool, who.caller, context);
    });
  }
  app.all("/tools/*", (context) => {
    const [method, ...more] = allowedMethods(app, context.req.path);
    if (method === undefined)
      return tellOutcome(context, failure(404, "not_found", "there is no such operation", "GET /tools/openapi.json."));
    context.header("allow", [method, ...more].join(", "));
    return tellOutcome(context, failure(405, "invalid_request", `this is asked by ${method}`, `Send ${method}.`));
  });
}

async function callOverHttp(deps: ToolDeps, tool: Tool, caller: ToolCaller, context: Context): Promise<Response> {
  let form: ToolForm | undefined;
  const read = async (): Promise<{ readonly input: unknown; readonly file?: ToolFile | undefined }> => {
    if (tool.effect === "read") return { input: queryOf(context) };
    if (tool.takesFile !== true) return { input: await readJson(context) };
    refuseDeclared(context, caller.grant.maxUploadBytes + FORM_EXTRA_BYTES);
    form = await readToolForm(context.req.header("content-type"), context.req.raw.body);
    return form;
  };
  try {
    const outcome = await deps.callTool({ caller, via: "http", operation: tool.name, read });
    // What is left of a file that was not wanted is not read, so nothing can follow it on this connection.
    const isRead = form !== undefined && (form.file === undefined || form.file.body.readableEnded);
    if (tool.takesFile === true && !isRead) context.header("connection", "close");
    return tellOutcome(context, outcome);
  } finally {
    form?.discard();
  }
}

function queryOf(context: Context): Json {
  const values = context.req.queries();
  const repeated = Object.keys(values).find((name) => (values[name]?.length ?? 0) > 1);
  if (repeated !== undefined) throw malformed("a parameter occurs twice");
  return context.req.query();
}

/** @throws {ToolRefusal} 400 or 413; a body that is nothing is an empty object */
async function readJson(context: Context): Promise<unknown> {
  const read = await readLimitedBody(context.req.raw.body, MAX_JSON_BYTES, declaredBytes(readHeader(context)));
  if (read.kind === "too_large") throw tooLarge(MAX_JSON_BYTES);
  if (read.kind === "cut_short") throw malformed("the body was cut short");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(read.bytes);
    return text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw malformed("the body must be JSON");
  }
}

/** What is announced as too large is not read at all. */
function refuseDeclared(context: Context, mostBytes: number): void {
  const declared = declaredBytes(readHeader(context));
  if (declared !== undefined && declared > mostBytes) throw tooLarge(mostBytes);
}

const tooLarge = (mostBytes: number): ToolRefusal =>
  new ToolRefusal(413, "too_large", `the body is larger than ${mostBytes} bytes`, "Send less at once.");
