import { Readable } from "node:stream";
import { AuditQuery, type ExportAudit } from "../../handlers/export-audit.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import type { MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";

export type AuditRouteDeps = { readonly exportAudit: ExportAudit; readonly log: Log };

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

export const AUDIT_OPERATIONS = [EXPORT_AUDIT];

/** Who did what: with what people were given, and by hand. */
export function mountAudit(mount: MountOperation, { exportAudit, log }: AuditRouteDeps): void {
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
