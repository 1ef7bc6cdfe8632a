import { Readable } from "node:stream";
import type { Hono } from "hono";
import { AuditQuery, type ExportAudit } from "../../handlers/export-audit.ts";
import { ActionList, ActionsQuery, type ReadAudit } from "../../handlers/read-audit.ts";
import { auditPage, toolCallsPage } from "../dashboard/audit-page.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import type { Guards, MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";
import { unfit } from "./api/read-asked.ts";
import type { ListToolCalls } from "./tool-calls.ts";

export type AuditRouteDeps = {
  readonly exportAudit: ExportAudit;
  readonly readAudit: ReadAudit;
  readonly log: Log;
};

const MEDIA_TYPES = { csv: "text/csv; charset=utf-8", json: "application/x-ndjson; charset=utf-8" } as const;

const EXPORT_AUDIT = operation({
  id: "exportAudit",
  method: "get",
  path: "/api/audit",
  tag: "audit",
  role: "operator",
  summary: "The audit trail, oldest first",
  description:
    "Who opened what people were given, or with `what=operators` who did what by hand: a CSV file with a header, or one JSON object a line. An answer that cannot be finished breaks off.",
  query: AuditQuery,
  answers: {
    200: { description: "All that fits the query, as one stream", mediaTypes: ["text/csv", "application/x-ndjson"] },
  },
});

const LIST_ACTIONS = operation({
  id: "listOperatorActions",
  method: "get",
  path: "/api/audit/actions",
  tag: "audit",
  role: "operator",
  summary: "What operators did, newest first",
  description: "Who did what to what, when and why, and what came of it.",
  query: ActionsQuery,
  answers: { 200: { description: "A page of it", schema: ActionList } },
});

export const AUDIT_OPERATIONS = [EXPORT_AUDIT, LIST_ACTIONS];

/** Calls of agents that the page shows. */
const CALLS_SHOWN = 200;

/** Who did what: with what people were given, and by hand. @param listCalls what agents called, which stands on the same page */
export function mountAudit(
  app: Hono,
  mount: MountOperation,
  { operator }: Guards,
  { exportAudit, readAudit, log }: AuditRouteDeps,
  listCalls: ListToolCalls,
): void {
  mount(LIST_ACTIONS, async ({ query }) => {
    const outcome = await readAudit(query);
    if (outcome.kind === "listed") return { status: 200, body: outcome.list };
    return unfit([{ in: "query", name: outcome.name, reason: outcome.reason }]);
  });
  app.get("/audit", operator, async (context) => {
    const { of, ...asked } = context.req.query();
    const reader = context.get("reader");
    if (of === "tools") return context.html(toolCallsPage(await listCalls(CALLS_SHOWN), reader));
    // Addresses are edited by hand: what cannot be read is told, and nothing is listed.
    const query = ActionsQuery.safeParse(asked);
    const outcome = query.success ? await readAudit(query.data) : undefined;
    if (outcome?.kind === "listed") return context.html(auditPage(asked, outcome.list, reader));
    const fault = outcome ? `${outcome.name} ${outcome.reason}.` : "The filter cannot be used as it stands.";
    return context.html(auditPage(asked, { actions: [], next: null }, reader, fault), 400);
  });
  mount(EXPORT_AUDIT, ({ query }, context) => {
    const { format, what } = query;
    const pieces = Readable.from(exportAudit(query), { objectMode: false, encoding: "utf8" });
    // The answer has begun by then: it breaks off, and only the log can say why.
    pieces.on("error", (error) => log.error("audit.broken_off", { message: messageOf(error) }));
    const body = Readable.toWeb(pieces) as ReadableStream; // node's type and the web's name the same thing
    const response = context.body(body, 200, {
      "content-type": MEDIA_TYPES[format],
      "content-disposition": `attachment; filename="${what}.${format === "csv" ? "csv" : "jsonl"}"`,
    });
    return { status: 200, response };
  });
}
