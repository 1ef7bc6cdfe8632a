import type { Call } from "../http/call.ts";
import { forbidden, invalidField, notFound } from "../protocol/faults.ts";
import { type FieldReader, type Fields, readFields } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import { membershipOf } from "../store/members.ts";
import { type ContentHash, HASH_ALGORITHMS, type UploadTarget } from "../store/uploads.ts";
import type { World } from "../world.ts";
import { folderIn, nodeIn, placeOf } from "./place.ts";
import { readName } from "./storage-change.ts";

export type UploadWish = {
  readonly name: string;
  /** Undefined for a stream. */
  readonly size: number | undefined;
  readonly stream: boolean;
  readonly maxSize: number | undefined;
  readonly hash: ContentHash | undefined;
  readonly target: UploadTarget | undefined;
};

const HEX_DIGITS = { md5: 32, sha1: 40, sha256: 64, sha384: 96, crc32c: 8 } as const;

/** `hash` and `hash_algo`, which come as a pair or not at all. */
export function readHash<Algorithm extends keyof typeof HEX_DIGITS>(
  read: FieldReader,
  fields: Fields,
  algorithms: readonly Algorithm[],
): ContentHash | undefined {
  const value = read.optional("hash", { pattern: /^[0-9a-fA-F]+$/ });
  const algorithm = read.choice("hash_algo", algorithms);
  if (value !== undefined && algorithm !== undefined && value.length !== HEX_DIGITS[algorithm])
    read.wrong("hash", `A ${algorithm} has ${HEX_DIGITS[algorithm]} hexadecimal digits.`);
  if (fields.has("hash") !== fields.has("hash_algo"))
    read.wrong(fields.has("hash") ? "hash_algo" : "hash", "hash and hash_algo must be given together.");
  return value !== undefined && algorithm !== undefined ? { algorithm, value: value.toLowerCase() } : undefined;
}

/** Reads the form that opens an upload session, as strictly as the reference describes it. */
export function readUploadWish(world: World, fields: Fields, caller: Pick<Call, "token" | "request">): UploadWish {
  const { knobs } = world;
  const read = readFields(fields);
  const name = readName(read);
  const stream = read.bool("stream") ?? false;
  const size = read.int("size", 0, knobs.maxFileBytes);
  if (!stream && !fields.has("size")) read.required("size", { mistaken: ["filesize", "file_size", "max_size"] });
  if (stream && fields.has("size")) read.wrong("size", "A stream session has max_size and no size.");
  const maxSize = read.int("max_size", 1, knobs.maxFileBytes);
  read.required("action");
  const action = read.choice("action", ["create", "update"]);
  const targeted = fields.has("instance_id");
  const instance = read.optional("instance_id", { min: 1 }) ?? "";
  const kind = read.choice("profile_type", ["workspace", "share"]);
  if (targeted && action === "create") {
    if (!fields.has("profile_type")) read.required("profile_type");
    read.required("folder_id", { mistaken: ["parent", "parent_id", "folder"] });
  }
  if (action === "update") {
    read.required("instance_id");
    read.required("file_id", { mistaken: ["node_id", "node"] });
  }
  const fileShare = action === "update" ? world.fileShares.find(instance) : undefined;
  if (fields.has("if_version_id") && !fileShare) read.wrong("if_version_id", "Only file shares take if_version_id.");
  const ifVersionId = read.optional("if_version_id", { min: 1 });
  const hash = readHash(read, fields, HASH_ALGORITHMS);
  read.done();

  const readTarget = (): UploadTarget | undefined => {
    if (!targeted) return undefined;
    if (fileShare) {
      if (idKey(String(fields.get("file_id"))) !== idKey(fileShare.node.id)) throw notFound("file");
      const { accounts, places, time } = world;
      const user = accounts.userOf(caller.token);
      const workspace = places.findWorkspace(fileShare.workspaceId);
      const member = user !== undefined && workspace !== undefined && membershipOf(workspace.members, user, time.now());
      const header = caller.request.headers["x-ve-password"];
      const password = typeof header === "string" ? header : undefined;
      if (world.fileShares.capabilityOf(fileShare, { user, member: Boolean(member), password }) !== "edit")
        throw forbidden();
      return {
        kind: "version",
        drive: fileShare.drive,
        node: fileShare.node.id,
        ifVersionId,
        fileShareId: fileShare.id,
      };
    }
    const place = placeOf(world, kind ?? "workspace", instance, caller);
    const id = String(fields.get(action === "update" ? "file_id" : "folder_id"));
    if (action === "create") return { kind: "folder", drive: place.drive, folder: folderIn(world, place, id) };
    const node = nodeIn(world, place, id);
    if (node.type !== "file") throw invalidField("file_id", "Only files get new versions.");
    return { kind: "version", drive: place.drive, node: node.id };
  };
  return { name, size: stream ? undefined : size, stream, maxSize, hash, target: readTarget() };
}
