import { z } from "zod";
import { nameWith, safeFileName, uniqueNames } from "../../src/dify/safe-file-name.ts";
import { SHARE_TITLE_CHARS } from "../../src/fastio/share-rules.ts";
import type { Fastio, FastioNode } from "../../src/fastio/types.ts";
import { describeShare, inviteAll, makeShare, shareNameOf, shareOutput } from "./create-share.ts";
import { inviteField, messageField, readAddresses, requestIdField, splitList, workspaceField } from "./fields.ts";
import { childNamed, findNode, makeFolder, openWorkspace } from "./find-place.ts";
import { malformed } from "./refuse.ts";
import { defineTool, type ToolCall } from "./tool.ts";

const MAX_FILES = 20;
/** Characters of the call's key that keep two drop-offs of one name apart: Fast.io lets a folder back one share. */
const KEY_CHARS = 8;

export const createDropOff = defineTool({
  name: "createDropOff",
  path: "create-drop-off",
  summary: "Put files into a folder of their own and let people into it",
  description:
    "Makes a new folder, copies files into it, and invites people who may see this folder and nothing else. Further files for them are put there with uploadFile and the folder's id.",
  effect: "write",
  input: z.strictObject({
    workspace: workspaceField,
    invite: inviteField,
    name: z.string().min(1).max(100).describe("Name of the folder; left out: project- and the date.").optional(),
    parent: z
      .string()
      .max(4_096)
      .describe("Path of the folder it is made in; made where it is missing. Left out: /Drop-offs.")
      .optional(),
    files: z
      .string()
      .max(8_192)
      .describe("Files to copy into it: paths or ids, separated by commas; at most 20.")
      .optional(),
    title: z.string().min(2).max(80).describe("Title that people see; left out: the name of the folder.").optional(),
    inviteMessage: z.string().max(1_000).describe("Goes with the invitations.").optional(),
    requestId: requestIdField,
  }),
  output: z.object({
    ...shareOutput,
    message: messageField,
    folder: z.string().describe("Id of the folder"),
    files: z.array(z.string()).describe("Names of the files in it"),
  }),
  run:
    ({ fastio }) =>
    async (input, call) => {
      const guests = readAddresses(input.invite);
      if ("fault" in guests) throw malformed(guests.fault);
      if (guests.length === 0) throw malformed("invite: names nobody");
      const references = splitList(input.files);
      if (references.length > MAX_FILES) throw malformed(`files: there are more than ${MAX_FILES}`);
      const { signal } = call;
      const workspace = await openWorkspace(fastio, input.workspace, call);
      const sources = await findSources(fastio, workspace.id, references, signal);

      const name = safeFileName(input.name ?? `project-${new Date(call.startedAtMs).toISOString().slice(0, 10)}`);
      const parentId = await makeFolder(fastio, workspace.id, input.parent ?? "/Drop-offs", signal);
      const folderName = nameWith(name, ` (${call.key.slice(0, KEY_CHARS)})`);
      const folder = await fastio.createFolder({ workspaceId: workspace.id, parentId }, folderName, signal);
      const files = [];
      for (const source of sources) files.push(await copyOnce(fastio, workspace.id, source, folder.id, call));

      const title = input.title ?? titleOf(name);
      const { share, doubts } = await makeShare(
        fastio,
        {
          workspaceId: workspace.id,
          customName: shareNameOf(call),
          title,
          type: "send",
          access: "named",
          folderNodeId: folder.id,
        },
        call,
      );
      const invited = await inviteAll(fastio, { id: share.id, type: "send" }, guests, input.inviteMessage, signal);
      const told = describeShare(share, { title, access: "named", invited, doubts });
      return { answer: { ...told, folder: folder.id, files }, target: share.id };
    },
});

/** Characters are counted as Fast.io does: an emoji is one. */
function titleOf(name: string): string {
  const chars = [...name];
  return chars.length < SHARE_TITLE_CHARS.min ? `Files: ${name}` : chars.slice(0, SHARE_TITLE_CHARS.max).join("");
}

/** What is to be copied, each once. Of several that bear one name Fast.io would put all but the last into the trash. */
async function findSources(
  fastio: Pick<Fastio, "listFolder" | "readNode">,
  workspaceId: string,
  references: readonly string[],
  signal: AbortSignal,
): Promise<readonly FastioNode[]> {
  const found = new Map<string, FastioNode>();
  for (const reference of references) {
    const node = await findNode(fastio, workspaceId, reference, signal);
    found.set(node.id, node);
  }
  const sources = [...found.values()];
  const apart = uniqueNames(sources.map(({ name }) => name));
  const namesake = sources.find(({ name }, index) => name !== apart[index]);
  if (namesake === undefined) return sources;
  throw malformed(`files: several are called ${namesake.name}`, "Make a drop-off for each, or rename one.");
}

/** A copy that an earlier try made is not made again. @returns its name */
async function copyOnce(
  fastio: Pick<Fastio, "copyNode" | "listFolder">,
  workspaceId: string,
  source: { readonly id: string; readonly name: string },
  folderId: string,
  { isRepeat, signal }: ToolCall,
): Promise<string> {
  const before = isRepeat ? await childNamed(fastio, workspaceId, folderId, source.name, signal) : undefined;
  return (before ?? (await fastio.copyNode(workspaceId, source.id, folderId, signal))).name;
}
