import type { Upload } from "../store/uploads.ts";

/** An upload session the way `details` tells it. */
export const uploadJson = (upload: Upload): Record<string, unknown> => ({
  id: upload.id,
  name: upload.name,
  size: upload.size ?? null,
  status: upload.status,
  ...(upload.message === undefined ? {} : { status_message: upload.message }),
  ...(upload.nodeId === undefined ? {} : { new_file_id: upload.nodeId }),
  chunks: Object.fromEntries(
    [...upload.chunks.entries()].sort(([a], [b]) => a - b).map(([order, chunk]) => [String(order), chunk.size]),
  ),
  stream: upload.mode === "stream",
});
