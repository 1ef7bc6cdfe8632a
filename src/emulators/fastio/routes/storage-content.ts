import type { Call } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { attachment } from "../http/send-file.ts";
import { ApiRefusal, notAcceptable, notFound } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import { currentVersion, type Node } from "../store/node.ts";
import { nodeJson } from "../store/node-json.ts";
import { readText } from "../store/read-text.ts";
import type { World } from "../world.ts";
import { writeZip, type ZipEntry } from "../zip.ts";
import { nodeIn, type Place, placeOf, underBoth } from "./place.ts";

const CHUNK_CHARS = 1_000;
const CHUNKS_PER_PAGE = 3;
const NODES_MAX = 25;

type Chunk = { readonly index: number; readonly page: number; readonly text: string };

function chunksOf(text: string): readonly Chunk[] {
  const count = Math.ceil(text.length / CHUNK_CHARS);
  return Array.from({ length: count }, (_, index) => ({
    index,
    page: 1 + Math.floor(index / CHUNKS_PER_PAGE),
    text: text.slice(index * CHUNK_CHARS, (index + 1) * CHUNK_CHARS),
  }));
}

const chunkJson = (node: Node, { index, page, text }: Chunk): Record<string, unknown> => ({
  node_id: node.id,
  version_id: currentVersion(node)?.id,
  chunk: index,
  page,
  text,
});

/** What is in files: their text in pieces, whole folders as an archive, and what changed last. */
export function storageContentRoutes(world: World): readonly Route[] {
  const { nodes } = world;

  const textOf = async (place: Place, id: string): Promise<readonly [Node, readonly Chunk[]]> => {
    const node = nodeIn(world, place, id);
    const version = currentVersion(node);
    if (!version || nodes.isTrashed(place.drive, node)) throw notFound("file");
    if (version.index !== "ready") throw notAcceptable(`The text of the file is ${version.index}.`);
    return [node, chunksOf((await readText(world.blobs, node, version)) ?? "")];
  };
  const holds = (words: string) => (chunk: Chunk) => chunk.text.toLowerCase().includes(words.toLowerCase());

  const content = async (call: Call, place: Place) => {
    const read = readFields(call.query);
    const q = read.optional("q", { min: 1, max: 1000 });
    const page = read.int("page", 1, 100_000);
    const from = read.int("chunk_from", 0, 1_000_000);
    const to = read.int("chunk_to", 0, 1_000_000);
    const limit = read.int("limit", 1, 500) ?? 50;
    const maxBytes = read.int("max_bytes", 1, 10_000_000);
    read.done();
    if ([q, page, from ?? to].filter((one) => one !== undefined).length > 1)
      throw notAcceptable("Use one of q, page, or chunk_from with chunk_to.", 10262);
    const [node, all] = await textOf(place, call.param("node"));
    const wanted = all
      .filter((one) => q === undefined || holds(q)(one))
      .filter((one) => page === undefined || one.page === page)
      .filter((one) => one.index >= (from ?? 0) && one.index <= (to ?? Number.MAX_SAFE_INTEGER));
    const kept: Chunk[] = [];
    let bytes = 0;
    for (const chunk of wanted.slice(0, limit)) {
      bytes += Buffer.byteLength(chunk.text);
      if (maxBytes !== undefined && bytes > maxBytes) break;
      kept.push(chunk);
    }
    return ok({
      node_id: node.id,
      chunks: kept.map((chunk) => chunkJson(node, chunk)),
      total_chunks: all.length,
      has_more: kept.length < wanted.length,
    });
  };

  const contentOfMany = async (call: Call) => {
    const place = placeOf(world, "workspace", call.param("ws"));
    const read = readFields(call.query);
    const ids = read
      .required("nodes")
      .split(",")
      .filter((id) => id !== "");
    const q = read.required("q", { min: 1, max: 1000 });
    const limit = read.int("limit", 1, 500) ?? 50;
    if (ids.length > NODES_MAX) read.wrong("nodes", `At most ${NODES_MAX} nodes.`);
    read.done();
    const found: Record<string, unknown>[] = [];
    for (const id of ids) {
      const [node, all] = await textOf(place, id);
      found.push(...all.filter(holds(q)).map((chunk) => chunkJson(node, chunk)));
    }
    return ok({ chunks: found.slice(0, limit), has_more: found.length > limit });
  };

  const entriesOf = (place: Place, folderKey: string, prefix: string): readonly ZipEntry[] =>
    nodes.childrenOf(place.drive, folderKey).flatMap((node): readonly ZipEntry[] => {
      if (node.type === "folder") {
        const path = `${prefix}${node.name}/`;
        return [{ path, modifiedMs: node.modifiedMs, open: undefined }, ...entriesOf(place, idKey(node.id), path)];
      }
      const version = currentVersion(node);
      if (!version) return [];
      return [{ path: prefix + node.name, modifiedMs: node.modifiedMs, open: () => world.blobs.open(version.key) }];
    });
  const zip = (call: Call, place: Place) => {
    const id = call.param("node");
    const key = id === "root" ? place.rootKey : nodes.folderKey(place.drive, nodeIn(world, place, id).id);
    const folder = key === "root" ? undefined : place.drive.nodes.get(key);
    world.events.append({
      ...place.scope,
      event: `${place.kind}_storage_zip_downloaded`,
      category: place.kind,
      subCategory: "storage",
      objectId: folder?.id ?? "root",
      userId: call.actor()?.id,
    });
    return {
      kind: "stream",
      headers: {
        "content-type": "application/zip",
        "content-disposition": attachment(`${folder?.name ?? "files"}.zip`),
      },
      body: writeZip(entriesOf(place, key, "")),
    } as const;
  };

  return [
    ...underBoth(world, "GET", "storage/:node/content/", "both", content),
    { method: "GET", path: "/workspace/:ws/storage/content/", dialect: "both", handle: contentOfMany },
    ...underBoth(world, "GET", "storage/:node/zip/", "both", zip),
    {
      method: "GET",
      path: "/workspace/:ws/storage/recent/",
      dialect: "both",
      handle: (call) => {
        const place = placeOf(world, "workspace", call.param("ws"));
        const read = readFields(call.query);
        const size = Number(read.choice("page_size", ["100", "250", "500"]) ?? 100);
        const type = read.choice("type", ["file", "folder", "note", "link"]);
        const start = Number(read.optional("cursor", { pattern: /^\d{0,9}$/ }) ?? 0);
        read.done();
        const rows = [...place.drive.nodes.values()]
          .filter((node) => !nodes.isTrashed(place.drive, node) && (type === undefined || node.type === type))
          .sort((a, b) => b.modifiedMs - a.modifiedMs);
        const items = rows.slice(start, start + size).map((node) => nodeJson(node));
        const next = start + size < rows.length ? String(start + size) : null;
        return ok({ nodes: { count: items.length, items }, next_cursor: next });
      },
    },
    ...underBoth(world, "GET", "storage/:node/preview/:type/preauthorize/", "reference", (call, place) => {
      nodeIn(world, place, call.param("node"));
      throw new ApiRefusal(404, 143705, "No preview was made.");
    }),
  ];
}
