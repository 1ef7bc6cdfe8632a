import type { Call } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { invalidField, invalidInput, notFound } from "../protocol/faults.ts";
import { type FieldReader, isRecord, readFields } from "../protocol/fields.ts";
import { nameFault } from "../protocol/names.ts";
import type { Content, Node } from "../store/node.ts";
import { nodeJson } from "../store/node-json.ts";
import { HASH_ALGORITHMS } from "../store/uploads.ts";
import type { World } from "../world.ts";
import { needUnlocked } from "./locks.ts";
import { folderIn, nodeIn, type Place, placeOf, underBoth } from "./place.ts";

/** Reads a file or folder name and says what Fast.io dislikes about it. */
export function readName(
  read: FieldReader,
  field = "name",
  mistaken: readonly string[] = ["filename", "title"],
): string {
  const name = read.required(field, { mistaken });
  const fault = name === "" ? undefined : nameFault(name);
  if (fault) read.wrong(field, fault);
  return name;
}

type Source = { readonly kind: "upload"; readonly id: string } | { readonly kind: "hash"; readonly hash: string };

/** The `from` field of addfile: an upload session or the hash of content that is already there. */
function readSource(value: unknown): Source {
  if (!isRecord(value)) throw invalidField("from", "from is a JSON object with type and upload or hash.");
  const { type, upload, hash } = value;
  if (type === "upload" && isRecord(upload) && typeof upload["id"] === "string")
    return { kind: "upload", id: upload["id"] };
  if (type === "hash" && isRecord(hash) && typeof hash["hash"] === "string") {
    if (!HASH_ALGORITHMS.some((one) => one === hash["hash_type"]))
      throw invalidField("from", "hash.hash_type is missing or unknown.");
    if (hash["hash_type"] !== "sha256") throw invalidField("from", "No content is known by this kind of hash.");
    return { kind: "hash", hash: hash["hash"].toLowerCase() };
  }
  throw invalidField("from", "from.type is upload (with upload.id) or hash (with hash.hash and hash.hash_type).");
}

export function storageChangeRoutes(world: World): readonly Route[] {
  const { nodes } = world;
  const answer = (place: Place, node: Node) => ok({ node: nodeJson(node, place.rootKey) });

  const contentByHash = (hash: string): Content | undefined => {
    for (const drive of [...world.drives.values(), ...world.shares.all().map((share) => share.drive)])
      for (const node of drive.nodes.values()) {
        const version = node.versions.find((one) => one.sha256 === hash);
        if (version) return version;
      }
    return undefined;
  };

  const contentOf = (source: Source, userId: string): Content => {
    const content =
      source.kind === "upload" ? world.uploads.find(userId, source.id).content : contentByHash(source.hash);
    if (!content) throw invalidField("from", "No such content is there, or not yet.");
    return content;
  };
  const readParent = async (call: Call): Promise<string> => {
    const read = readFields(await call.form());
    const parent = read.required("parent", { mistaken: ["parent_id", "folder_id", "target"] });
    read.done();
    return parent;
  };
  /** The node of the path, unless somebody else has locked it. */
  const changeable = (call: Call, place: Place): Node => {
    const node = nodeIn(world, place, call.param("node"));
    needUnlocked(world, node, call.user());
    return node;
  };

  const addFile = async (call: Call, place: Place) => {
    const fields = await call.form();
    const read = readFields(fields);
    const given = read.json("from");
    if (given === undefined && !fields.has("from")) read.required("from", { mistaken: ["upload_id", "source"] });
    // One guide leaves the name out; then the session's own name is meant.
    const name = fields.has("name") ? readName(read) : undefined;
    read.done();
    const source = readSource(given);
    const folder = folderIn(world, place, call.param("node"));
    const user = call.user();
    if (source.kind === "upload") {
      const upload = world.uploads.find(user.id, source.id);
      const target = { kind: "folder", drive: place.drive, folder } as const;
      return answer(place, world.uploads.place(upload, target, name ?? upload.name, user.id));
    }
    if (name === undefined)
      throw invalidInput([{ name: "name", kind: "missing", message: "The field name is required.", code: 10022 }]);
    const content = contentByHash(source.hash);
    if (!content) throw invalidField("from", "No content with this hash is known.");
    return answer(place, nodes.putFile(place.drive, folder, name, content, { userId: user.id }));
  };

  return [
    ...underBoth(world, "POST", "storage/:node/createfolder/", "both", async (call, place) => {
      const read = readFields(await call.form());
      const name = readName(read, "name", ["folder_name", "title"]);
      const force = read.bool("force") ?? false;
      read.done();
      const parent = folderIn(world, place, call.param("node"));
      return answer(place, nodes.createFolder(place.drive, parent, name, call.user().id, force));
    }),
    ...underBoth(world, "POST", "storage/:node/addfile/", "reference", addFile),
    ...underBoth(world, "POST", "storage/:node/update/", "both", async (call, place) => {
      const fields = await call.form();
      const read = readFields(fields);
      const name = fields.has("name") ? readName(read) : undefined;
      const title = read.optional("metadata_title", { max: 50 });
      const short = read.optional("metadata_short", { max: 2048 });
      const from = read.json("from");
      if (name === undefined && title === undefined && short === undefined && from === undefined)
        read.wrong("name", "An update changes something.");
      read.done();
      const user = call.user();
      const node = changeable(call, place);
      const content = from === undefined ? undefined : contentOf(readSource(from), user.id);
      if (content) nodes.addVersion(place.drive, node, content, { userId: user.id });
      if (name !== undefined) nodes.rename(place.drive, node, name, user.id);
      if (title !== undefined || short !== undefined) {
        const before = node.details ?? { title: undefined, short: undefined };
        const details = { title: title ?? before.title, short: short ?? before.short };
        nodes.setDetails(place.drive, node, details, user.id);
      }
      return answer(place, node);
    }),
    ...underBoth(world, "POST", "storage/:node/move/", "both", async (call, place) => {
      const parent = await readParent(call);
      const node = changeable(call, place);
      return answer(place, nodes.move(place.drive, node, folderIn(world, place, parent), call.user().id));
    }),
    ...underBoth(world, "POST", "storage/:node/copy/", "both", async (call, place) => {
      const parent = await readParent(call);
      const node = nodeIn(world, place, call.param("node"));
      if (nodes.isTrashed(place.drive, node)) throw notFound("node");
      const target = folderIn(world, place, parent);
      return answer(place, nodes.copy(place.drive, node, place.drive, target, call.user().id));
    }),
    {
      method: "POST",
      path: "/workspace/:ws/storage/:node/transfer/",
      dialect: "both",
      handle: async (call) => {
        const place = placeOf(world, "workspace", call.param("ws"));
        const read = readFields(await call.form());
        const target = read.required("target_workspace_id", { mistaken: ["workspace_id", "target"] });
        const mode = read.choice("transfer_mode", ["copy", "move"]) ?? "copy";
        read.done();
        const user = call.user();
        const there = placeOf(world, "workspace", target, call);
        const node = mode === "move" ? changeable(call, place) : nodeIn(world, place, call.param("node"));
        const made = nodes.copy(place.drive, node, there.drive, "root", user.id);
        if (mode === "move") nodes.purge(place.drive, node, user.id);
        return answer(there, made);
      },
    },
    ...underBoth(world, "DELETE", "storage/:node/delete/", "both", (call, place) => {
      const id = call.param("node");
      if (id === "trash") for (const node of nodes.trash(place.drive)) nodes.purge(place.drive, node, call.user().id);
      else nodes.remove(place.drive, changeable(call, place), call.user().id);
      return ok();
    }),
    ...underBoth(world, "POST", "storage/:node/restore/", "both", (call, place) => {
      const node = nodeIn(world, place, call.param("node"));
      return answer(place, nodes.restore(place.drive, node, call.user().id));
    }),
    ...underBoth(world, "DELETE", "storage/:node/purge/", "both", (call, place) => {
      nodes.purge(place.drive, changeable(call, place), call.user().id);
      return ok();
    }),
    ...underBoth(world, "POST", "storage/:node/restore-version/", "both", async (call, place) => {
      const read = readFields(await call.form());
      const version = read.required("version_id", { mistaken: ["version"] });
      read.done();
      const node = changeable(call, place);
      return answer(place, nodes.restoreVersion(place.drive, node, version, call.user().id));
    }),
    {
      method: "POST",
      path: "/workspace/:ws/storage/:node/addlink/",
      dialect: "reference",
      handle: async (call) => {
        const place = placeOf(world, "workspace", call.param("ws"));
        const read = readFields(await call.form());
        read.required("type");
        read.choice("type", ["share"]);
        const shareId = read.required("share", { mistaken: ["share_id"] });
        read.done();
        const share = world.shares.get(shareId);
        const parent = folderIn(world, place, call.param("node"));
        return answer(place, nodes.createLink(place.drive, parent, share.title, share.id, call.user().id));
      },
    },
  ];
}
