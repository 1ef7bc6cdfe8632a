import type { Call, SentFile } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, invalidField, tooLarge } from "../protocol/faults.ts";
import { type Fields, isRecord, readFields } from "../protocol/fields.ts";
import { nameFault } from "../protocol/names.ts";
import { type ContentHash, HASH_ALGORITHMS } from "../store/uploads.ts";
import type { World } from "../world.ts";
import { folderIn, type Place, placeOf } from "./place.ts";

const FILES_MAX = 200;
const FILE_BYTES_MAX = 4_194_304;
const TOTAL_BYTES_MAX = 104_857_600;
const PATH_MAX = 8192;

type Row = {
  readonly index: number;
  readonly filename: string;
  readonly relativePath: string;
  readonly hash: ContentHash | undefined;
};

function readRow(value: unknown): Row {
  const fail = (text: string): never => {
    throw invalidField("manifest", text);
  };
  if (!isRecord(value)) return fail("A row is an object.");
  const { index, filename, relative_path: path = "", hash, hash_algo: algorithm } = value;
  if (typeof index !== "number" || !Number.isInteger(index) || index < 0) return fail("A row has an index.");
  if (typeof filename !== "string") return fail(`Row ${index} has no filename.`);
  if (typeof path !== "string") return fail(`Row ${index}: relative_path is text.`);
  if ((hash === undefined) !== (algorithm === undefined))
    throw new ApiRefusal("validation", 196420, `Row ${index}: hash and hash_algo must be given together.`);
  if (hash === undefined) return { index, filename, relativePath: path, hash: undefined };
  const known = HASH_ALGORITHMS.find((one) => one === algorithm);
  if (typeof hash !== "string" || known === undefined) return fail(`Row ${index}: the hash is not readable.`);
  return { index, filename, relativePath: path, hash: { algorithm: known, value: hash.toLowerCase() } };
}

/** Why a row's folder path is no path; undefined when it is. */
function pathFault(path: string): string | undefined {
  if (path === "") return undefined;
  if (path.length > PATH_MAX || path.startsWith("/") || !path.endsWith("/"))
    return "relative_path ends, and does not begin, with a slash.";
  const parts = path.slice(0, -1).split("/");
  return parts.map((part) => nameFault(part)).find((fault) => fault !== undefined);
}

function readManifest(fields: Fields): readonly Row[] {
  const read = readFields(fields);
  read.required("instance_id");
  read.required("manifest");
  read.optional("creator", { max: 150, pattern: /^[A-Za-z0-9-]+$/ });
  const manifest = read.json("manifest");
  read.done();
  if (!Array.isArray(manifest) || manifest.length === 0)
    throw invalidField("manifest", "manifest is a JSON array of rows.");
  if (manifest.length > FILES_MAX) throw new ApiRefusal(403, 1685, `At most ${FILES_MAX} files in one batch.`);
  const rows = manifest.map(readRow);
  if (new Set(rows.map((row) => row.index)).size < rows.length)
    throw invalidField("manifest", "An index occurs twice.");
  return rows;
}

/** Many small files in one call; each one succeeds or fails for itself. */
export function batchUploadRoutes(world: World): readonly Route[] {
  const { uploads, blobs, nodes, knobs } = world;

  const folderOf = (place: Place, root: string, path: string, userId: string): string =>
    path
      .split("/")
      .filter((part) => part !== "")
      .reduce((at, part) => nodes.createFolder(place.drive, at, part, userId).id, root);

  const storeOne = async (place: Place, root: string, row: Row, file: SentFile | undefined, userId: string) => {
    if (!file) throw invalidField(`file_${row.index}`, "The part is missing.");
    if (file.size > FILE_BYTES_MAX) throw tooLarge(`More than ${FILE_BYTES_MAX} bytes.`);
    const fault = nameFault(row.filename) ?? pathFault(row.relativePath);
    if (fault !== undefined) throw invalidField("filename", fault);
    const { hash } = row;
    if (hash && (await blobs.hash(file.key, hash.algorithm)) !== hash.value)
      throw invalidField("hash", `The ${hash.algorithm} does not match.`);
    const folder = folderOf(place, root, row.relativePath, userId);
    const target = { kind: "folder", drive: place.drive, folder } as const;
    const upload = uploads.create({ userId, name: row.filename, size: file.size, mode: "single", target });
    await uploads.finishWith(upload, file, { now: !knobs.singleCallAsync });
    return upload;
  };

  const batch = async (call: Call) => {
    const userId = call.user().id;
    const { fields, files } = await call.files();
    const kept = new Set<string>();
    try {
      const rows = readManifest(fields);
      if (files.reduce((sum, file) => sum + file.size, 0) > TOTAL_BYTES_MAX)
        throw tooLarge(`More than ${TOTAL_BYTES_MAX} bytes in one batch.`);
      const instance = String(fields.get("instance_id"));
      const kind = world.shares.find(instance) ? "share" : "workspace";
      const place = placeOf(world, kind, instance, call);
      const root = folderIn(world, place, String(fields.get("folder_id") ?? "root"));
      const results: Record<string, unknown>[] = [];
      for (const row of rows) {
        const { index, filename } = row;
        const file = files.find((one) => one.field === `file_${index}`);
        try {
          const upload = await storeOne(place, root, row, file, userId);
          if (file) kept.add(file.key);
          const node_id = upload.nodeId ?? null;
          results.push({
            index,
            filename,
            status: "ok",
            upload_id: upload.id,
            node_id,
            error_code: null,
            error_message: null,
          });
        } catch (error) {
          if (!(error instanceof ApiRefusal)) throw error;
          const { code: error_code, message: error_message } = error;
          results.push({ index, filename, status: "error", upload_id: null, node_id: null, error_code, error_message });
        }
      }
      const errors = results.filter((row) => row["status"] === "error");
      return ok({
        batch_id: world.ids.opaque("a"),
        count_total: results.length,
        count_succeeded: results.length - errors.length,
        count_errored: errors.length,
        partial: errors.length > 0 && errors.length < results.length,
        all_failed: errors.length === results.length,
        creator: fields.get("creator") ?? null,
        results,
        errors,
      });
    } finally {
      for (const file of files) if (!kept.has(file.key)) await blobs.remove(file.key);
    }
  };

  return [
    { method: "POST", path: "/upload/batch/", dialect: "reference", bucket: "upload_batch_create", handle: batch },
  ];
}
