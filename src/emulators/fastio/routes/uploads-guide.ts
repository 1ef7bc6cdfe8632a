import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { conflict, invalidField, invalidInput, notAcceptable, sizesDiffer } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { nodeJson } from "../store/node-json.ts";
import type { World } from "../world.ts";
import { folderIn, placeOf } from "./place.ts";
import { readName } from "./storage-change.ts";

/** Bytes suggested for a chunk. */
const CHUNK_SIZE = 4_194_304;

/** The upload steps of the guide dialect: init, raw chunks in order, add-file, and the small direct upload. */
export function guideUploadRoutes(world: World): readonly Route[] {
  const { uploads, knobs, blobs } = world;
  const workspaceOf = (call: Call) => placeOf(world, "workspace", call.param("ws"));

  const init = async (call: Call): Promise<Answer> => {
    workspaceOf(call);
    const fields = await call.anyForm();
    const read = readFields(fields);
    const name = readName(read, "filename", ["name", "file_name"]);
    read.required("content_type", { mistaken: ["mimetype", "mime_type"] });
    const size = read.int("size", 1, knobs.maxFileBytes);
    if (!fields.has("size")) read.required("size");
    read.done();
    const upload = uploads.create({ userId: call.user().id, name, size, mode: "sequential" });
    return ok({ id: upload.id, upload_id: upload.id, chunk_size: CHUNK_SIZE });
  };

  const chunk = async (call: Call): Promise<Answer> => {
    const upload = uploads.find(call.user().id, call.param("upload"));
    if (upload.mode !== "sequential") throw notAcceptable("This session takes multipart chunks by POST.");
    const text = call.param("index");
    if (!/^\d{1,6}$/.test(text)) throw invalidField("chunk_index", "The index is a number.");
    const index = Number(text);
    const known = [...upload.chunks.keys()];
    // Nobody says whether counting starts at 0 or 1: the first index seen settles it.
    const base = known.length === 0 ? Math.min(index, 1) : Math.min(...known);
    const next = base + known.length;
    if (index > next || index < base) throw conflict(`Chunk ${next} comes next, not ${index}.`);
    const content = await call.rawBody(Math.max(knobs.chunkMaxBytes, upload.size ?? 0));
    try {
      if (!call.request.complete) throw notAcceptable("The chunk ended early.");
      if (!uploads.addChunk(upload, index, content)) await blobs.remove(content.key);
    } catch (error) {
      await blobs.remove(content.key);
      throw error;
    }
    const total = [...upload.chunks.values()].reduce((sum, one) => sum + one.size, 0);
    if (total === upload.size && upload.status === "uploading") await uploads.complete(upload);
    return ok({ received: content.size });
  };

  const addFile = async (call: Call): Promise<Answer> => {
    const place = workspaceOf(call);
    const fields = await call.anyForm();
    const read = readFields(fields);
    const id = read.required("upload_id", { mistaken: ["id", "from", "session_id"] });
    const name = fields.has("name") ? readName(read) : undefined;
    read.done();
    const folder = folderIn(world, place, call.param("node"));
    const upload = uploads.find(call.user().id, id);
    const target = { kind: "folder", drive: place.drive, folder, name } as const;
    if (upload.content && (upload.status === "complete" || upload.status === "stored")) {
      const node = uploads.place(upload, target, name ?? upload.name, call.user().id);
      if (upload.status === "complete") upload.status = "stored";
      return ok({ id: upload.id, upload_id: upload.id, status: "stored", new_file_id: node.id, node: nodeJson(node) });
    }
    if (upload.status !== "assembling") {
      const total = [...upload.chunks.values()].reduce((sum, one) => sum + one.size, 0);
      throw sizesDiffer(total, upload.size ?? 0);
    }
    upload.target = target;
    return ok({ id: upload.id, upload_id: upload.id, status: upload.status, node: null });
  };

  const addLink = async (call: Call): Promise<Answer> => {
    const place = workspaceOf(call);
    const userId = call.user().id;
    const folder = folderIn(world, place, call.param("node"));
    const { fields, file } = await call.upload("file", knobs.singleCallMaxBytes);
    if (!file && fields.has("share")) {
      const share = world.shares.get(String(fields.get("share")));
      return ok({ node: nodeJson(world.nodes.createLink(place.drive, folder, share.title, share.id, userId)) });
    }
    if (!file)
      throw invalidInput([{ name: "file", kind: "missing", message: "The part file is required.", code: 10022 }]);
    const read = readFields(new Map([["name", file.filename ?? ""]]));
    const name = readName(read);
    read.done();
    const target = { kind: "folder", drive: place.drive, folder } as const;
    const upload = uploads.create({ userId, name, size: file.size, mode: "single", target });
    await uploads.finishWith(upload, file, { now: true });
    if (upload.nodeId === undefined) throw notAcceptable(upload.message ?? "The upload failed.");
    const node = nodeJson(world.nodes.node(place.drive, upload.nodeId));
    return ok({ id: upload.id, new_file_id: upload.nodeId, node });
  };

  return [
    { method: "POST", path: "/workspace/:ws/upload/init/", dialect: "guide", handle: init },
    { method: "PUT", path: "/upload/:upload/chunk/:index/", dialect: "guide", handle: chunk },
    { method: "POST", path: "/workspace/:ws/storage/:node/add-file/", dialect: "guide", handle: addFile },
    { method: "POST", path: "/workspace/:ws/storage/:node/add-link/", dialect: "guide", handle: addLink },
  ];
}
