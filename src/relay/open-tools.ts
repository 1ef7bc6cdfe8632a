import { callTool } from "../../handlers/tools/call-tool.ts";
import type { ToolNeeds } from "../../handlers/tools/tool.ts";
import { createToolCallers } from "../../handlers/tools/tool-callers.ts";
import { TOOLS } from "../../handlers/tools/tools.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { hasCalledTool, listToolCalls } from "../ledger/tool-calls.ts";
import type { ToolDeps } from "../routes/tools.ts";
import type { ToolGrants } from "../rules/read-tools.ts";
import type { Log } from "../telemetry/log.ts";
import type { Upstreams } from "../upstreams.ts";

export type OpenToolsDeps = Pick<ToolNeeds, "readDelivered" | "closeDelivered"> & {
  readonly db: Db;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
  readonly config: Pick<Config, "dify" | "http" | "toolTokens">;
  readonly grants: () => ToolGrants;
  readonly upstreams: Pick<Upstreams, "fastio" | "files">;
};

/** The operations for agents over the relay's own clients. */
export function openTools({ config, grants, upstreams, ...deps }: OpenToolsDeps): ToolDeps {
  const { clock, readDelivered, closeDelivered } = deps;
  const needs: ToolNeeds = {
    ...upstreams,
    now: clock.now,
    hasCalled: (caller, operation, target) => hasCalledTool(deps.db, { caller, operation, target }),
    readDelivered,
    closeDelivered,
    difyFilesUrl: config.dify.filesUrl ?? config.dify.apiUrl,
  };
  return {
    tools: TOOLS,
    findCaller: createToolCallers(config.toolTokens, grants),
    callTool: callTool({ ...deps, tools: TOOLS, needs }),
    listCalls: (limit) => listToolCalls(deps.db, limit),
    publicUrl: config.http.publicUrl,
  };
}
