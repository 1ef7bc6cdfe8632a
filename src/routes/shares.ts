import { Readable } from "node:stream";
import type { Context, Hono, MiddlewareHandler } from "hono";
import { AuditQuery, type ExportAudit } from "../../handlers/export-audit.ts";
import type { ReadShares } from "../../handlers/read-shares.ts";
import type { RevokeOutcome, RevokeShare } from "../../handlers/revoke-share.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { explain } from "./explain.ts";
import { readReason, WRONG_REASON } from "./read-reason.ts";

export type ShareRouteDeps = {
  readonly shares: ReadShares;
  readonly revoke: RevokeShare;
  readonly exportAudit: ExportAudit;
  readonly log: Log;
};

/** Ids of shares and of runs. */
const SHARE_ID = "[A-Za-z0-9_-]{1,64}";
const NO_SUCH_SHARE = "There is no such share, and no run of that id with a link.";

/** The links people were given, and who used them. */
export function mountShares(
  app: Hono,
  { viewer, operator }: { readonly viewer: MiddlewareHandler; readonly operator: MiddlewareHandler },
  { shares, revoke, exportAudit, log }: ShareRouteDeps,
): void {
  app.get("/api/shares", viewer, async (context) => context.json(await shares.list(context.req.query())));
  app.get(`/api/shares/:id{${SHARE_ID}}`, viewer, async (context) => {
    const story = await shares.story(context.req.param("id") ?? "");
    return story ? context.json(story) : explain(context, true, 404, NO_SUCH_SHARE);
  });
  for (const base of ["/api/shares", "/shares"] as const) {
    const asJson = base === "/api/shares";
    app.post(`${base}/:id{${SHARE_ID}}/revoke`, operator, async (context) => {
      const why = await readReason(context, asJson);
      if (!why) return explain(context, asJson, 400, WRONG_REASON);
      const outcome = await revoke(context.req.param("id") ?? "", { ...why, actor: context.get("who") });
      return tellRevoke(context, asJson, outcome);
    });
  }
  app.get("/api/audit", operator, (context) => {
    const query = AuditQuery.safeParse(context.req.query());
    if (!query.success) {
      const known = "what=accesses|operators, format=csv|json, sinceMs, run, share and rule";
      return explain(context, true, 400, `The query takes ${known}.`);
    }
    const { format, what } = query.data;
    const type = format === "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson; charset=utf-8";
    const pieces = Readable.from(exportAudit(query.data), { objectMode: false, encoding: "utf8" });
    // The answer has begun by then: it breaks off, and only the log can say why.
    pieces.on("error", (error) => log.error("audit.broken_off", { message: messageOf(error) }));
    const body = Readable.toWeb(pieces);
    return new Response(body as ReadableStream, {
      // node's type and the web's name the same thing
      headers: {
        "content-type": type,
        "content-disposition": `attachment; filename="${what}.${format === "csv" ? "csv" : "jsonl"}"`,
        "cache-control": "no-store",
      },
    });
  });
}

function tellRevoke(context: Context, asJson: boolean, outcome: RevokeOutcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "unknown_share":
      return explain(context, asJson, 404, NO_SUCH_SHARE);
    case "revoked":
      if (!asJson) return context.redirect(`/runs/${outcome.run}`, 303);
      return context.json({ share: outcome.share, run: outcome.run, status: "closed", closedAtMs: outcome.closedAtMs });
    case "expired":
      if (!asJson) return context.redirect(`/runs/${outcome.run}`, 303);
      return context.json({ share: outcome.share, run: outcome.run, status: "expired" });
    case "asked":
      if (!asJson) return context.redirect(`/runs/${outcome.run}`, 303);
      return context.json({ share: outcome.share, run: outcome.run, status: "closing", error: outcome.error }, 202);
    default:
      return outcome satisfies never;
  }
}
