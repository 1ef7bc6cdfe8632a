import type { ErrorHandler } from "hono";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { explain } from "./explain.ts";

/** What is answered when something of ours failed; the log tells what. */
export const tellFailure =
  (log: Log): ErrorHandler =>
  (error, context) => {
    log.error("http.failed", { method: context.req.method, route: context.req.path, message: messageOf(error) });
    return explain(
      context,
      /^\/(api|tools|mcp)(\/|$)/.test(context.req.path),
      503,
      "The relay cannot answer this now; its log says why.",
    );
  };
