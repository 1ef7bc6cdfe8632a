import { z } from "zod";
import type { FastioNode, SearchHit } from "../../src/fastio/types.ts";
import { folderField, messageField, workspaceField } from "./fields.ts";
import { findFolder, openWorkspace } from "./find-place.ts";
import { defineTool } from "./tool.ts";

const Entry = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(["file", "folder", "note", "link"]),
  size: z.number().describe("Bytes").optional(),
  mimeType: z.string().optional(),
  modified: z.string().describe("ISO 8601").optional(),
  snippet: z.string().describe("Where the search found it").optional(),
});

const isoTime = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();

const ofNode = ({ id, name, kind, size, mimeType, modifiedAtMs }: FastioNode): z.input<typeof Entry> => ({
  id,
  name,
  kind,
  size,
  mimeType,
  modified: isoTime(modifiedAtMs),
});

const ofHit = ({ nodeId, name, kind, snippet }: SearchHit): z.input<typeof Entry> => ({
  id: nodeId,
  name,
  kind,
  snippet,
});

export const listFiles = defineTool({
  name: "listFiles",
  path: "list-files",
  summary: "List or search the files of a workspace",
  description:
    "Lists what lies in a folder, or finds files by name and content with `search`. The ids it tells are what the other operations take.",
  effect: "read",
  input: z.strictObject({
    workspace: workspaceField,
    folder: folderField("Which folder"),
    search: z.string().min(2).max(1_000).describe("Words to look for in names and contents.").optional(),
    limit: z.int().min(1).max(200).describe("How many at most.").default(50),
  }),
  output: z.object({
    message: messageField,
    files: z.array(Entry),
    more: z.boolean().describe("There are more than these"),
  }),
  run:
    ({ fastio }) =>
    async ({ workspace: reference, folder, search, limit }, call) => {
      const { signal } = call;
      const workspace = await openWorkspace(fastio, reference, call);
      const folderId = await findFolder(fastio, workspace.id, folder, signal);
      const scope = folderId === "root" ? {} : { folderIds: [folderId] };
      const found =
        search === undefined
          ? map(fastio.listFolder(workspace.id, folderId, signal), ofNode)
          : map(fastio.searchFiles(workspace.id, search, scope, signal), ofHit);
      const files: z.input<typeof Entry>[] = [];
      let more = false;
      for await (const entry of found) {
        more = files.length === limit;
        if (more) break;
        files.push(entry);
      }
      const what = search === undefined ? `in ${folder ?? "the top"} of ${workspace.name}` : "found";
      const message = `${files.length}${more ? " or more" : ""} ${files.length === 1 ? "entry" : "entries"} ${what}.`;
      return { answer: { message, files, more }, target: workspace.id };
    },
});

async function* map<From, To>(from: AsyncIterable<From>, make: (one: From) => To): AsyncGenerator<To> {
  for await (const one of from) yield make(one);
}
