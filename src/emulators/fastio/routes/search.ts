import type { Call } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { notFound } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { filesUnder } from "../store/answers.ts";
import { commentJson } from "../store/comments.ts";
import { currentVersion, type Node } from "../store/node.ts";
import { nodeJson } from "../store/node-json.ts";
import { readText, snippetOf } from "../store/read-text.ts";
import type { World } from "../world.ts";
import { readTextScope } from "./ai-scope.ts";
import { type Place, underBoth } from "./place.ts";

type Hit = {
  readonly node: Node;
  readonly source: "keyword" | "semantic" | "both";
  readonly snippet: string | undefined;
  readonly score: number;
};

const BUCKETS = ["files", "metadata", "comments", "workflows"] as const;
const BUCKET_LIMIT = 25;

/** Names and, where intelligence is on, indexed contents that hold the words. */
async function findNodes(world: World, place: Place, text: string, among: readonly Node[]): Promise<readonly Hit[]> {
  const wanted = text.toLowerCase();
  const hits: Hit[] = [];
  for (const node of among) {
    const byName = node.name.toLowerCase().includes(wanted);
    const version = currentVersion(node);
    const readable = place.drive.intelligence && version?.index === "ready";
    const content = readable ? await readText(world.blobs, node, version) : undefined;
    const found = content === undefined ? undefined : snippetOf(content, [text]);
    if (!byName && !found) continue;
    const source = byName && found ? "both" : byName ? "keyword" : "semantic";
    hits.push({ node, source, snippet: found?.snippet, score: source === "both" ? 1 : byName ? 0.8 : 0.6 });
  }
  return hits.sort((a, b) => b.score - a.score || a.node.name.localeCompare(b.node.name));
}

function nodesOf(world: World, place: Place): readonly Node[] {
  const walk = (key: string): Node[] =>
    world.nodes
      .childrenOf(place.drive, key)
      .flatMap((node) => [node, ...walk(node.id.replaceAll("-", "").toLowerCase())]);
  return walk(place.rootKey);
}

const hitJson = (place: Place, hit: Hit, details: boolean): Record<string, unknown> => ({
  name: hit.node.name,
  parent_id: nodeJson(hit.node, place.rootKey)["parent"],
  type: hit.node.type,
  relevance_score: hit.score,
  match_source: hit.source,
  ...(hit.snippet === undefined ? {} : { content_snippet: hit.snippet }),
  ...(currentVersion(hit.node) ? { mimetype: nodeJson(hit.node)["mimetype"] } : {}),
  ...(details ? { node: nodeJson(hit.node, place.rootKey) } : {}),
});

export function searchRoutes(world: World): readonly Route[] {
  const storageSearch = async (call: Call, place: Place) => {
    const read = readFields(call.query);
    const text = read.required("search", { min: 2, max: 1000, mistaken: ["q", "query"] });
    const details = read.bool("details") ?? false;
    const limit = read.int("limit", 1, 500) ?? (details ? 10 : 100);
    const offset = read.int("offset", 0, 1_000_000) ?? 0;
    const files = read.optional("files_scope");
    const folders = read.optional("folders_scope");
    read.done();
    const scope = readTextScope(world, place, { files, folders, attach: undefined });
    const among = scope
      ? [
          ...scope.files.map(({ node }) => node),
          ...scope.folders.flatMap(({ key, depth }) =>
            filesUnder(world.nodes, place.drive, key, depth).map(({ node }) => node),
          ),
        ]
      : nodesOf(world, place);
    const hits = await findNodes(world, place, text, among);
    const page = hits.slice(offset, offset + limit);
    return ok({
      files: Object.fromEntries(page.map((hit) => [hit.node.id, hitJson(place, hit, details)])),
      pagination: { total: hits.length, limit, offset, has_more: offset + limit < hits.length },
    });
  };

  const unifiedSearch = async (call: Call, place: Place) => {
    if (place.share?.folderId !== undefined) throw notFound("search of a folder-backed share");
    const read = readFields(call.query);
    const text = read.required("search", { min: 1, max: 1024, mistaken: ["q", "query"] });
    const details = read.bool("details") ?? false;
    const pages = BUCKETS.map((name) => ({
      name,
      limit: read.int(`${name}_limit`, 0, 100) ?? BUCKET_LIMIT,
      offset: read.int(`${name}_offset`, 0, 1_000_000) ?? 0,
    }));
    read.done();
    const wanted = text.toLowerCase();
    const nodes = nodesOf(world, place);
    const hits = await findNodes(world, place, text, nodes);
    const found: Record<(typeof BUCKETS)[number], readonly Record<string, unknown>[]> = {
      files: hits.map((hit) => ({ id: hit.node.id, ...hitJson(place, hit, details) })),
      metadata: nodes
        .filter(({ details: own }) => `${own?.title ?? ""} ${own?.short ?? ""}`.toLowerCase().includes(wanted))
        .map((node) => ({ node_id: node.id, name: node.name, metadata: node.details })),
      comments: world.comments
        .of(place.kind, place.id)
        .filter((comment) => comment.body.toLowerCase().includes(wanted))
        .map(commentJson),
      workflows: [],
    };
    return ok(
      Object.fromEntries(
        pages.map(({ name, limit, offset }) => {
          const rows = found[name];
          const items = rows.slice(offset, offset + limit);
          const has_more = offset + limit < rows.length;
          return [name, { items, status: "ok", total: rows.length, total_relation: "eq", has_more }];
        }),
      ),
    );
  };

  return [
    ...underBoth(world, "GET", "storage/search/", "both", storageSearch),
    ...underBoth(world, "GET", "search/", "both", unifiedSearch),
  ];
}
