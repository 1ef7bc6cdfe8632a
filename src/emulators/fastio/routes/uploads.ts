import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { invalidField, invalidInput, notAcceptable, sizesDiffer } from "../protocol/faults.ts";
import { type Fields, readFields } from "../protocol/fields.ts";
import { CHUNK_ALGORITHMS, HASH_ALGORITHMS, isKept } from "../store/uploads.ts";
import type { World } from "../world.ts";
import { uploadJson } from "./upload-json.ts";
import { readHash, readUploadWish } from "./upload-wish.ts";

/** Longest long poll on a session, seconds. */
const MAX_WAIT_S = 60;

/** The upload family of the reference dialect; details, cancel and limits serve both. */
export function uploadRoutes(world: World): readonly Route[] {
  const { uploads, knobs, blobs } = world;

  const open = async (call: Call): Promise<Answer> => {
    const userId = call.user().id;
    const { fields, file } = await call.upload("chunk", knobs.singleCallMaxBytes);
    try {
      const wish = readUploadWish(world, fields, call);
      if (!file) return ok({ id: uploads.create({ ...wish, userId, mode: wish.stream ? "stream" : "chunked" }).id });
      if (wish.stream) throw invalidField("chunk", "A stream session gets its bytes later.");
      if (file.size !== wish.size) throw sizesDiffer(file.size, wish.size ?? 0);
      const upload = uploads.create({ ...wish, userId, mode: "single" });
      await uploads.finishWith(upload, file, { now: !knobs.singleCallAsync });
      if (upload.status === "assembly_failed") throw notAcceptable(upload.message ?? "The upload failed.");
      return ok({ id: upload.id, ...(upload.nodeId === undefined ? {} : { new_file_id: upload.nodeId }) });
    } catch (error) {
      if (file) await blobs.remove(file.key);
      throw error;
    }
  };

  /** A value that may stand in the query or in the form, as guide and CLI disagree. */
  const merged = (call: Call, fields: Fields): Fields => new Map([...fields, ...call.query]);

  const chunk = async (call: Call): Promise<Answer> => {
    const upload = uploads.find(call.user().id, call.param("upload"));
    if (upload.mode === "stream") throw notAcceptable("A stream session takes no chunks.");
    if (upload.mode === "sequential") throw notAcceptable("This session takes raw chunks by PUT.");
    const { fields, file } = await call.upload("chunk", knobs.chunkMaxBytes);
    try {
      const all = merged(call, fields);
      const read = readFields(all);
      const order = read.int("order", 1, knobs.chunksPerSession);
      if (!all.has("order")) read.required("order", { mistaken: ["index", "chunk_index", "part"] });
      const size = read.int("size", 0, knobs.chunkMaxBytes);
      const hash = readHash(read, all, CHUNK_ALGORITHMS);
      const whole = read.optional("file_crc32c", { pattern: /^[0-9a-fA-F]{8}$/ })?.toLowerCase();
      read.done();
      if (!file)
        throw invalidInput([{ name: "chunk", kind: "missing", message: "The part chunk is required.", code: 10022 }]);
      if (size !== undefined && size !== file.size) throw sizesDiffer(file.size, size);
      if (hash && (await blobs.hash(file.key, hash.algorithm)) !== hash.value)
        throw notAcceptable(`The ${hash.algorithm} of the chunk does not match.`);
      if (whole !== undefined) uploads.declareCrc32c(upload, whole);
      if (!uploads.addChunk(upload, order ?? 0, file)) await blobs.remove(file.key);
      return ok({ received: file.size });
    } catch (error) {
      if (file) await blobs.remove(file.key);
      throw error;
    }
  };

  const stream = async (call: Call): Promise<Answer> => {
    const upload = uploads.find(call.user().id, call.param("upload"));
    if (upload.mode !== "stream") throw notAcceptable("This session takes chunks, not a stream.");
    if (upload.status !== "ready") throw notAcceptable(`The upload is ${upload.status}.`);
    const read = readFields(call.query);
    const hash = readHash(read, call.query, HASH_ALGORITHMS);
    read.done();
    const type = call.request.headers["content-type"] ?? "";
    if (!type.startsWith("application/octet-stream"))
      throw invalidField("content-type", "Stream bodies are application/octet-stream.");
    const content = await call.rawBody(upload.maxSize ?? knobs.maxFileBytes);
    const declared = call.request.headers["content-length"];
    // A connection cut in the middle must not pass for a shorter file.
    if (!call.request.complete || (declared !== undefined && Number(declared) !== content.size)) {
      await blobs.remove(content.key);
      throw notAcceptable("The stream ended early.");
    }
    if (hash && (await blobs.hash(content.key, hash.algorithm)) !== hash.value) {
      await blobs.remove(content.key);
      throw notAcceptable(`The ${hash.algorithm} of the stream does not match.`);
    }
    await uploads.finishWith(upload, content);
    return ok({ id: upload.id, received: content.size }, 201);
  };

  const details = async (call: Call): Promise<Answer> => {
    const upload = uploads.find(call.user().id, call.param("upload"));
    const read = readFields(call.query);
    const wait = read.int("wait", 0, 590) ?? 0;
    read.done();
    if (wait > 0) await uploads.waitForChange(upload, Math.min(wait, MAX_WAIT_S) * 1000, call.signal);
    return ok({ session: uploadJson(upload) });
  };

  return [
    { method: "POST", path: "/upload/", dialect: "reference", handle: open },
    { method: "POST", path: "/upload/:upload/chunk/", dialect: "reference", handle: chunk },
    {
      method: "GET",
      path: "/upload/:upload/chunk/",
      dialect: "reference",
      handle: (call) => {
        const session = uploadJson(uploads.find(call.user().id, call.param("upload")));
        return ok({ chunks: session["chunks"] });
      },
    },
    {
      method: "DELETE",
      path: "/upload/:upload/chunk/",
      dialect: "reference",
      handle: async (call) => {
        const read = readFields(call.query);
        const order = read.int("order", 1, knobs.chunksPerSession);
        if (!call.query.has("order")) read.required("order");
        read.done();
        await uploads.removeChunk(uploads.find(call.user().id, call.param("upload")), order ?? 0);
        return ok();
      },
    },
    {
      method: "POST",
      path: "/upload/:upload/complete/",
      dialect: "reference",
      handle: async (call) => {
        const upload = uploads.find(call.user().id, call.param("upload"));
        if (upload.mode !== "chunked") throw notAcceptable("Only chunked sessions are completed.");
        await uploads.complete(upload);
        return ok({ id: upload.id, status: upload.status });
      },
    },
    { method: "POST", path: "/upload/:upload/stream/", dialect: "reference", handle: stream },
    { method: "GET", path: "/upload/:upload/details/", dialect: "both", handle: details },
    {
      method: "DELETE",
      path: "/upload/:upload/",
      dialect: "both",
      handle: async (call) => {
        await uploads.remove(uploads.find(call.user().id, call.param("upload")));
        return ok();
      },
    },
    {
      method: "GET",
      path: "/upload/details/",
      dialect: "both",
      handle: (call) => ok({ sessions: uploads.list(call.user().id).filter(isKept).map(uploadJson) }),
    },
    {
      method: "DELETE",
      path: "/upload/",
      dialect: "both",
      handle: async (call) => {
        for (const upload of uploads.list(call.user().id)) if (isKept(upload)) await uploads.remove(upload);
        return ok();
      },
    },
    {
      method: "GET",
      path: "/upload/limits/",
      dialect: "both",
      handle: (call) => {
        const read = readFields(call.query);
        read.choice("action", ["create", "update"]);
        read.done();
        return ok({
          chunk_size: knobs.chunkMaxBytes,
          size: knobs.maxFileBytes,
          chunks: knobs.chunksPerSession,
          sessions: knobs.sessionsPerUser,
          sessions_size_max: knobs.sessionsPerUser * knobs.maxFileBytes,
        });
      },
    },
    {
      method: "GET",
      path: "/upload/limits/extensions/",
      dialect: "both",
      handle: () =>
        ok({
          restricted_extensions: [],
          archive_extensions: ["zip", "tar", "gz", "7z", "rar"],
          enforcement_enabled: false,
          plan: "agent",
          cache_ttl: 3600,
        }),
    },
    {
      method: "GET",
      path: "/upload/algos/",
      dialect: "both",
      handle: () => ok({ algos: [...CHUNK_ALGORITHMS] }),
    },
  ];
}
