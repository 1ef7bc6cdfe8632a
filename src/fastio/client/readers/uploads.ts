import type { UploadLimits, UploadState, UrlImport } from "../../ports/uploads.ts";
import { asCount, asText, at, isFields, known, needText, pickText } from "../pick.ts";

export const readUploadId = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["id", "upload_id", "uploadId", "session_id"], ["upload", "session"]);

/** The file an upload became. A bare `id` beside an upload is the upload's own, so only a node's counts. */
export const findNewNodeId = (payload: unknown): string | undefined =>
  pickText(payload, ["new_file_id", "node_id", "file_id"], ["session", "node", "file", "upload"]) ??
  pickText(at(payload, "node") ?? at(payload, "file"), ["id"]);

const PHASES: Readonly<Record<string, UploadState["phase"]>> = {
  ready: "open",
  uploading: "open",
  complete: "done",
  stored: "done",
  assembly_failed: "failed",
  store_failed: "failed",
};

export function readUploadState(payload: unknown, uploadId: string, operation: string): UploadState {
  const status = needText(payload, operation, ["status", "state"], ["session", "upload"]);
  return {
    id: uploadId,
    status,
    // Assembling, storing and whatever may be added between them: not done, not failed.
    phase: PHASES[status] ?? "working",
    ...known({
      message: pickText(payload, ["status_message"], ["session", "upload"]),
      nodeId: findNewNodeId(payload),
    }),
  };
}

/** Which chunks the server has, by the number it knows them by: their bytes. Empty when it tells none. */
export function readChunkMap(payload: unknown): ReadonlyMap<number, number> {
  const found = [at(payload, "chunks"), at(payload, "session.chunks"), at(payload, "upload.chunks")].find(
    (one) => one !== undefined && one !== null,
  );
  if (Array.isArray(found)) {
    return new Map(
      found.flatMap((row) => {
        const order = asCount(at(row, "order") ?? at(row, "chunk"));
        const size = asCount(at(row, "size"));
        return order === undefined || size === undefined ? [] : [[order, size] as const];
      }),
    );
  }
  return new Map(
    Object.entries(isFields(found) ? found : {}).flatMap(([order, told]) => {
      const size = asCount(told) ?? asCount(at(told, "size"));
      return /^\d+$/.test(order) && size !== undefined ? [[Number(order), size] as const] : [];
    }),
  );
}

/** A limit of 0 would let nothing through: it is none. */
export const readUploadLimits = (payload: unknown): UploadLimits => {
  const count = (key: string) => asCount(at(payload, key) ?? at(payload, `limits.${key}`)) || undefined;
  return known({
    chunkBytes: count("chunk_size"),
    fileBytes: count("size"),
    chunks: count("chunks"),
    sessions: count("sessions"),
  });
};

const DONE = new Set(["stored", "complete", "completed", "done", "success"]);

/** The states of an import are written down nowhere; words decide. */
export function readUrlImport(payload: unknown, importId: string | undefined, operation: string): UrlImport {
  const places = ["web_upload", "upload", "job", "session"];
  const id = importId ?? needText(payload, operation, ["id", "upload_id", "job_id"], places);
  const status = pickText(payload, ["status", "state"], places) ?? "queued";
  const word = status.toLowerCase();
  const phase = DONE.has(word) ? "done" : /fail|error|cancel/.test(word) ? "failed" : "working";
  const nodeId = pickText(payload, ["new_file_id", "node_id", "file_id"], [...places, "node", "file"]);
  return { id, status, phase, ...known({ nodeId: nodeId ?? asText(at(payload, "node.id")) }) };
}
