import type { BlobStore } from "../../kit/blob-store.ts";
import { mimeOf } from "../protocol/mime.ts";
import type { Node, Version } from "./node.ts";

/** Bytes of a file that count as its text; what comes later is never found. */
const TEXT_BYTES = 65_536;

/** The beginning of a text file or note; undefined for anything the emulator cannot read. */
export async function readText(blobs: BlobStore, node: Node, version: Version): Promise<string | undefined> {
  const { mimetype, category } = mimeOf(node.name);
  if (node.type !== "note" && category !== "text" && !mimetype.startsWith("text/")) return undefined;
  const parts: Buffer[] = [];
  for await (const part of blobs.open(version.key, { start: 0, end: TEXT_BYTES - 1 })) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString("utf8");
}

/** A line around the first of these words; undefined when none of them occurs. Case does not matter. */
export function snippetOf(text: string, words: readonly string[]): { snippet: string; at: number } | undefined {
  const lower = text.toLowerCase();
  const hits = words.map((word) => lower.indexOf(word.toLowerCase())).filter((at) => at >= 0);
  if (hits.length === 0) return undefined;
  const at = Math.min(...hits);
  const start = text.lastIndexOf("\n", at) + 1;
  const end = text.indexOf("\n", at);
  const line = text.slice(Math.max(start, at - 120), end < 0 ? undefined : end);
  return { snippet: line.trim().slice(0, 240), at };
}

/** The words of a question that are worth looking for. */
export const wordsOf = (question: string): readonly string[] =>
  question.split(/[^\p{L}\p{N}]+/u).filter((word) => [...word].length >= 4);
