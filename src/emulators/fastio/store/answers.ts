import type { BlobStore } from "../../kit/blob-store.ts";
import { idKey } from "../protocol/ids.ts";
import { currentVersion, type Drive, type Node, type Version } from "./node.ts";
import type { NodeStore } from "./nodes.ts";
import { readText, snippetOf, wordsOf } from "./read-text.ts";

/** Where an answer comes from. Entries carry a page, a moment of a recording, or both. */
export type Citation = {
  readonly nodeId: string;
  readonly versionId: string;
  readonly entries: readonly { readonly page?: number; readonly snippet?: string; readonly timestamp?: number }[];
};

/** The files a question is about; undefined asks without files. */
export type AnswerScope =
  | {
      readonly drive: Drive;
      readonly files: readonly { readonly node: Node; readonly version: Version }[];
      /** Folder keys; depth 1 is the folder's own files. */
      readonly folders: readonly { readonly key: string; readonly depth: number }[];
    }
  | undefined;

type Source = { readonly node: Node; readonly version: Version };

const CHARS_PER_PAGE = 3_000;
const CITED_MAX = 5;

/** The files of a folder, down to a depth. */
export function filesUnder(nodes: NodeStore, drive: Drive, key: string, depth: number): readonly Source[] {
  return nodes.childrenOf(drive, key).flatMap((node): readonly Source[] => {
    if (node.type === "folder") return depth > 1 ? filesUnder(nodes, drive, idKey(node.id), depth - 1) : [];
    const version = currentVersion(node);
    return version ? [{ node, version }] : [];
  });
}

/** Answers a question from the text of indexed files: no intelligence, but real names, ids and passages. */
export async function composeAnswer(
  deps: { readonly blobs: BlobStore; readonly nodes: NodeStore },
  question: string,
  scope: AnswerScope,
): Promise<{ readonly text: string; readonly citations: readonly Citation[] }> {
  if (!scope) return { text: `You asked: ${question}`, citations: [] };
  const sources = [
    ...scope.files,
    ...scope.folders.flatMap(({ key, depth }) => filesUnder(deps.nodes, scope.drive, key, depth)),
  ].filter(({ version }) => version.index === "ready");
  const words = wordsOf(question);
  const found: { readonly source: Source; readonly snippet: string; readonly at: number }[] = [];
  for (const source of sources) {
    if (found.length >= CITED_MAX) break;
    const text = await readText(deps.blobs, source.node, source.version);
    const hit = text === undefined ? undefined : snippetOf(text, words);
    if (hit) found.push({ source, ...hit });
  }
  if (found.length === 0)
    return { text: `None of the ${sources.length} indexed files says anything about this.`, citations: [] };
  return {
    text: found.map(({ source, snippet }) => `${source.node.name}: ${snippet}`).join("\n"),
    citations: found.map(({ source, snippet, at }) => ({
      nodeId: source.node.id,
      versionId: source.version.id,
      entries: [{ page: 1 + Math.floor(at / CHARS_PER_PAGE), snippet }],
    })),
  };
}
