import { z } from "zod";
import type { Fastio, FastioNode } from "../../src/fastio/types.ts";
import { fileField, messageField, workspaceField } from "./fields.ts";
import { findNode, openWorkspace } from "./find-place.ts";
import { malformed, ToolRefusal } from "./refuse.ts";
import { defineTool } from "./tool.ts";

export type DownloadLink = { readonly url: string; readonly expires: string };

/** A link that reads one file without any key, for some time. */
export async function makeDownloadLink(
  fastio: Pick<Fastio, "linkTo">,
  place: string | { readonly shareId: string },
  { id, versionId }: Pick<FastioNode, "id" | "versionId">,
  signal: AbortSignal,
): Promise<DownloadLink> {
  const link = await fastio.linkTo({ place, nodeId: id, versionId }, signal);
  if (link !== undefined) return { url: link.url, expires: new Date(link.expiresAtMs).toISOString() };
  throw new ToolRefusal(
    422,
    "unsupported_here",
    "this Fast.io server gives no download links",
    "Make a share with createShare instead.",
  );
}

export const getDownloadLink = defineTool({
  name: "getDownloadLink",
  path: "get-download-link",
  summary: "Get a link that downloads one file",
  description:
    "Gives a link that downloads one file without logging in, for about two hours. Whoever has the link can read the file, so hand it on with care; for people, createShare is the better way.",
  effect: "write",
  input: z.strictObject({ workspace: workspaceField, file: fileField }),
  output: z.object({
    message: messageField,
    url: z.string(),
    expires: z.string().describe("ISO 8601"),
    name: z.string(),
    size: z.number().describe("Bytes").optional(),
    mimeType: z.string().optional(),
  }),
  run:
    ({ fastio }) =>
    async ({ workspace: reference, file }, call) => {
      const workspace = await openWorkspace(fastio, reference, call);
      const node = await findNode(fastio, workspace.id, file, call.signal);
      if (node.kind !== "file")
        throw malformed("file: that is no file", "Name a file; listFiles tells which there are.");
      const link = await makeDownloadLink(fastio, workspace.id, node, call.signal);
      const { name, size, mimeType } = node;
      const message = `${name} can be downloaded until ${link.expires}.`;
      return { answer: { message, ...link, name, size, mimeType }, target: node.id };
    },
});
