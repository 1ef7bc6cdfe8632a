import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { failure, type ToolOutcome } from "../../handlers/tools/tell-failure.ts";
import type { FindCaller, ToolCaller } from "../../handlers/tools/tool-callers.ts";

export const UNCONFIGURED: ToolOutcome = failure(
  503,
  "unconfigured",
  "no token is set, so nobody may call tools",
  "Set TOOLS_TOKEN=agent-a:<16 or more random characters>, write under tools: in the rules file what agent-a may do, and start the relay again.",
);

const UNKNOWN: ToolOutcome = failure(
  401,
  "unauthorized",
  "a token is needed, and this is none",
  "Send Authorization: Bearer and one of the tokens of TOOLS_TOKEN.",
);

/** Who sent a request, by its bearer token; or the answer to a stranger. */
export function authenticate(
  findCaller: FindCaller,
  context: Context,
): { readonly caller: ToolCaller } | { readonly refused: ToolOutcome } {
  const bearer = /^Bearer +(\S+) *$/i.exec(context.req.header("authorization") ?? "")?.[1];
  const verdict = findCaller(bearer);
  switch (verdict.kind) {
    case "known":
      return { caller: verdict.caller };
    case "unknown":
      return { refused: UNKNOWN };
    case "unconfigured":
      return { refused: UNCONFIGURED };
    default:
      return verdict satisfies never;
  }
}

export function tellOutcome(context: Context, { status, body, retryAfterSeconds }: ToolOutcome): Response {
  if (status === 401) context.header("www-authenticate", "Bearer");
  if (retryAfterSeconds !== undefined) context.header("retry-after", String(retryAfterSeconds));
  context.header("cache-control", "no-store");
  return context.json(body, status as ContentfulStatusCode); // all of ours have a body
}
