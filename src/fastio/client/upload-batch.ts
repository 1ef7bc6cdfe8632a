import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { PermanentError, RelayError } from "../../errors.ts";
import type { BatchFile, BatchOutcome, FastioUploads, UploadTarget } from "../ports/uploads.ts";
import type { Api } from "./api.ts";
import { isRouteMissing } from "./dialect.ts";
import { asCount, asText, known, pickRows, pickText } from "./pick.ts";
import { batch, type Payload } from "./routes/uploads.ts";
import type { Sessions } from "./upload-sessions.ts";

/** Files one call takes. */
const FILES_A_CALL = 200;
/** Bytes of one file, and of all files of a call; the service would take 100 MiB. */
const FILE_BYTES = 4 * 1024 * 1024;
const BYTES_A_CALL = 32 * 1024 * 1024;

type Indexed = { readonly index: number; readonly file: BatchFile };

/** Many small files in few calls; one by one on servers that take no batches. */
export function createBatch(deps: {
  readonly api: Api;
  readonly sessions: Sessions;
  readonly upload: FastioUploads["upload"];
}): Pick<FastioUploads, "uploadMany"> {
  const { api } = deps;
  const sendOne = async (target: UploadTarget, { name, mimeType, content }: BatchFile, signal: AbortSignal) => {
    const body = () => Readable.from([content], { objectMode: false });
    const one = { name, size: content.length, body, ...(mimeType === undefined ? {} : { mimeType }) };
    return deps.upload(target, one, signal);
  };

  const sendSingly = async (target: UploadTarget, files: readonly Indexed[], signal: AbortSignal) => {
    const outcomes: BatchOutcome[] = [];
    for (const { index, file } of files) {
      try {
        outcomes.push({ kind: "stored", index, nodeId: (await sendOne(target, file, signal)).id });
      } catch (error) {
        // What would stop every other file too is no matter of this one.
        if (!(error instanceof PermanentError) || error.failure === "misconfigured") throw error;
        outcomes.push({ kind: "failed", index, code: error.code });
      }
    }
    return outcomes;
  };

  const sendTogether = async (target: UploadTarget, files: readonly Indexed[], signal: AbortSignal) => {
    const call = batch(batchPayload(target, files));
    const rows = new Map(
      (pickRows(await api.call(call, signal), ["results"]) ?? []).map((row) => [asCount(row["index"]), row]),
    );
    return Promise.all(
      files.map(async ({ index }): Promise<BatchOutcome> => {
        const row = rows.get(index);
        if (row === undefined || row["status"] !== "ok") {
          return { kind: "failed", index, ...known({ code: asText(row?.["error_code"]) }) };
        }
        const nodeId = pickText(row, ["node_id"]);
        if (nodeId !== undefined) return { kind: "stored", index, nodeId };
        // No node yet means that it is still being stored, not that it failed.
        const uploadId = pickText(row, ["upload_id"]);
        if (uploadId === undefined) return { kind: "failed", index };
        try {
          const state = await deps.sessions.waitUntil(uploadId, (one) => one.nodeId !== undefined, signal);
          return { kind: "stored", index, nodeId: state.nodeId ?? "" };
        } catch (error) {
          // The session came to nothing, which concerns this file alone.
          if (!(error instanceof RelayError) || !["upload_failed", "hash_mismatch"].includes(error.code)) throw error;
          return { kind: "failed", index, code: error.code };
        }
      }),
    );
  };

  return {
    uploadMany: async (target, files, signal) => {
      const large = files.find((file) => file.content.length > FILE_BYTES);
      if (large !== undefined) {
        throw new PermanentError(
          "too_large",
          `fastio.upload.batch: a file of a batch has at most ${FILE_BYTES} bytes`,
          {
            operation: "fastio.upload.batch",
          },
        );
      }
      const outcomes: BatchOutcome[] = [];
      for (const group of grouped(files.map((file, index) => ({ index, file })))) {
        try {
          outcomes.push(...(await sendTogether(target, group, signal)));
        } catch (error) {
          if (!isRouteMissing(error)) throw error;
          outcomes.push(...(await sendSingly(target, group, signal)));
        }
      }
      return outcomes;
    },
  };
}

function grouped(files: readonly Indexed[]): readonly (readonly Indexed[])[] {
  const groups: Indexed[][] = [];
  let bytes = 0;
  for (const one of files) {
    const group = groups.at(-1);
    const size = one.file.content.length;
    if (group === undefined || group.length >= FILES_A_CALL || bytes + size > BYTES_A_CALL) {
      groups.push([one]);
      bytes = size;
    } else {
      group.push(one);
      bytes += size;
    }
  }
  return groups;
}

/** A form with a manifest and one part a file, named by its number. */
function batchPayload(target: UploadTarget, files: readonly Indexed[]): Payload {
  const boundary = `relay-${randomUUID()}`;
  const manifest = files.map(({ index, file }) => ({
    index,
    filename: file.name,
    hash_algo: "sha256",
    hash: createHash("sha256").update(file.content).digest("hex"),
  }));
  const field = (name: string, value: string): Buffer =>
    Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  const pieces: Uint8Array[] = [
    field("instance_id", "shareId" in target ? target.shareId : target.workspaceId),
    field("folder_id", target.parentId),
    field("manifest", JSON.stringify(manifest)),
  ];
  for (const { index, file } of files) {
    // The manifest names the file, so the part need not carry a name that would want escaping.
    const head = `content-disposition: form-data; name="file_${index}"; filename="file_${index}"`;
    const type = `content-type: ${(file.mimeType ?? "application/octet-stream").replace(/[\r\n]/g, "")}`;
    pieces.push(Buffer.from(`--${boundary}\r\n${head}\r\n${type}\r\n\r\n`), file.content, Buffer.from("\r\n"));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return {
    headers: { "content-type": `multipart/form-data; boundary=${boundary}`, "content-length": String(length) },
    make: () => Readable.from(pieces, { objectMode: false }),
  };
}
