import { z } from "zod";
import { PAGE_QUERY } from "../../handlers/page-query.ts";
import type { ToolCallRow } from "../ledger/schema.ts";
import type { MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";

/** What agents called, newest first. */
export type ListToolCalls = (limit: number) => Promise<readonly ToolCallRow[]>;

const LIST_TOOL_CALLS = operation({
  id: "listToolCalls",
  method: "get",
  path: "/api/tool-calls",
  tag: "tools",
  role: "operator",
  summary: "What agents called, newest first",
  description:
    "Calls of the tools over HTTP and MCP: by whom, about what, and how they ended. No link or password is among them.",
  query: z.strictObject({ limit: PAGE_QUERY.limit }),
  answers: {
    200: {
      description: "The latest calls",
      schema: z.object({
        calls: z.array(
          z
            .object({
              id: z.string(),
              atMs: z.int(),
              caller: z.string().describe("Name of the token, never the token"),
              via: z.enum(["http", "mcp"]),
              operation: z.string(),
              target: z.string().nullable().describe("What it was about, by ids and names"),
              requestId: z.string().nullable(),
              status: z.int().nullable().describe("HTTP status of the answer; null: it never ended, or is under way"),
              code: z.string().nullable(),
              endedAtMs: z.int().nullable(),
            })
            .meta({ id: "ToolCall" }),
        ),
      }),
    },
  },
});

export const TOOL_CALL_OPERATIONS = [LIST_TOOL_CALLS];

/** Who called what, for operators. */
export function mountToolCalls(mount: MountOperation, listCalls: ListToolCalls): void {
  mount(LIST_TOOL_CALLS, async ({ query: { limit } }) => ({ status: 200, body: { calls: await listCalls(limit) } }));
}
