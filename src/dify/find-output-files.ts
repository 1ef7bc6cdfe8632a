import { z } from "zod";
import type { DifyOutputFile } from "./types.ts";

/** Outputs nested deeper than this are not searched: no workflow builds them, and stacks are finite. */
const MAX_DEPTH = 64;

const fileSchema = z.object({
  dify_model_identity: z.literal("__dify__file__"),
  filename: z.string().nullish().catch(undefined),
  extension: z.string().nullish().catch(undefined),
  mime_type: z.string().nullish().catch(undefined),
  size: z.number().nullish().catch(undefined),
  url: z.string().nullish().catch(undefined),
  transfer_method: z.string().nullish().catch(undefined),
  remote_url: z.string().nullish().catch(undefined),
});

/** The file an output value is, if it bears Dify's mark of files. */
function toOutputFile(value: unknown): DifyOutputFile | undefined {
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { filename, extension, mime_type, size, transfer_method, url, remote_url } = parsed.data;
  return {
    name: filename || `file${extension ?? ""}`,
    mimeType: mime_type || "application/octet-stream",
    // −1 means unknown.
    ...(size == null || !Number.isSafeInteger(size) || size < 0 ? {} : { size }),
    ...(transfer_method === "remote_url" ? { isElsewhere: true } : {}),
    url: url || remote_url || "",
  };
}

/** Every file in the outputs of a run, however deep, each once, in the order of the outputs. */
export function findOutputFiles(outputs: Readonly<Record<string, unknown>>): readonly DifyOutputFile[] {
  const found: DifyOutputFile[] = [];
  const urls = new Set<string>();
  const visit = (value: unknown, depth: number): void => {
    if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
    const file = toOutputFile(value);
    if (file === undefined) {
      for (const inner of Object.values(value)) visit(inner, depth + 1);
    } else if (file.url === "" || !urls.has(file.url)) {
      urls.add(file.url);
      found.push(file);
    }
  };
  visit(outputs, 0);
  return found;
}

/** The value without its files; undefined when nothing else was in it. */
export function withoutFiles(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (toOutputFile(value) !== undefined) return undefined;
  const pairs = Object.entries(value);
  const kept = pairs
    .map(([name, inner]) => [name, withoutFiles(inner, depth + 1)] as const)
    .filter(([, inner]) => inner !== undefined);
  // What was empty from the start stays; what only held files goes.
  if (kept.length === 0 && pairs.length > 0) return undefined;
  return Array.isArray(value) ? kept.map(([, inner]) => inner) : Object.fromEntries(kept);
}
