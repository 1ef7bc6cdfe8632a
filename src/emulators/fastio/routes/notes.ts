import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { ApiRefusal, invalidField, notFound } from "../protocol/faults.ts";
import { type FieldReader, readFields } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import { type Content, currentVersion, type Node } from "../store/node.ts";
import { nodeJson } from "../store/node-json.ts";
import type { World } from "../world.ts";
import { needUnlocked } from "./locks.ts";
import { folderIn, nodeIn, type Place, underBoth } from "./place.ts";
import { readName } from "./storage-change.ts";

const NAME_MAX = 100;
const CONTENT_BYTES_MAX = 102_400;

function readNoteName(read: FieldReader): string {
  const name = readName(read);
  if (name !== "" && (!name.endsWith(".md") || [...name].length > NAME_MAX))
    read.wrong("name", `A note's name ends in .md and has at most ${NAME_MAX} characters.`);
  return name;
}

function checkContent(read: FieldReader, content: string | undefined): void {
  if (content !== undefined && Buffer.byteLength(content) > CONTENT_BYTES_MAX)
    read.wrong("content", "A note holds 100 KB at most.");
}

/** Text that stays editable: a node type of its own, with versions like files. */
export function noteRoutes(world: World): readonly Route[] {
  const { nodes, blobs } = world;
  const answer = (place: Place, node: Node): Answer => ok({ node: nodeJson(node, place.rootKey) });
  const keep = (content: string): Promise<Content> =>
    blobs.put(
      (async function* once() {
        yield content;
      })(),
    );

  const noteIn = (call: Call, place: Place): Node => {
    const node = nodeIn(world, place, call.param("node"));
    if (node.type !== "note") throw new ApiRefusal("validation", 153548, "The node is not a note.");
    if (nodes.isTrashed(place.drive, node)) throw notFound("note");
    return node;
  };
  const needVersion = (node: Node, wanted: string | undefined): void => {
    const now = currentVersion(node);
    if (wanted === undefined || !now || idKey(wanted) === idKey(now.id)) return;
    throw new ApiRefusal(409, 1660, "The note was changed in the meantime.", {
      reason: "version_mismatch",
      current: { version_id: now.id, hash: now.sha256 },
    });
  };

  return [
    ...underBoth(world, "POST", "storage/:node/createnote/", "both", async (call, place) => {
      const fields = await call.form();
      const read = readFields(fields);
      const name = readNoteName(read);
      const content = fields.get("content") === "" ? "" : read.required("content", { max: 2 * CONTENT_BYTES_MAX });
      checkContent(read, content);
      read.done();
      const parent = folderIn(world, place, call.param("node"));
      return answer(place, nodes.createNote(place.drive, parent, name, await keep(content), call.user().id));
    }),
    ...underBoth(world, "POST", "storage/:node/updatenote/", "both", async (call, place) => {
      const fields = await call.form();
      const read = readFields(fields);
      const name = fields.has("name") ? readNoteName(read) : undefined;
      const content = read.optional("content", { max: 2 * CONTENT_BYTES_MAX });
      checkContent(read, content);
      const wanted = read.optional("if_version_id");
      if (name === undefined && content === undefined) read.wrong("content", "An update changes name or content.");
      read.done();
      const user = call.user();
      const blob = content === undefined ? undefined : await keep(content);
      // Everything from here on happens at once, so that two writers cannot both pass the check.
      const node = noteIn(call, place);
      needUnlocked(world, node, user);
      needVersion(node, wanted);
      if (name !== undefined) nodes.rename(place.drive, node, name, user.id);
      if (blob) nodes.addVersion(place.drive, node, blob, { userId: user.id });
      return answer(place, node);
    }),
    ...underBoth(world, "GET", "storage/:node/readnote/", "both", async (call, place) => {
      const node = noteIn(call, place);
      const wanted = call.url.searchParams.get("version_id");
      const version = wanted ? node.versions.find((one) => idKey(one.id) === idKey(wanted)) : currentVersion(node);
      if (!version) throw invalidField("version_id", "The note has no such version.");
      const parts: Buffer[] = [];
      for await (const part of blobs.open(version.key)) parts.push(Buffer.from(part));
      const content = Buffer.concat(parts).toString("utf8");
      return ok({ content, version_id: version.id, note: nodeJson(node, place.rootKey) });
    }),
  ];
}
