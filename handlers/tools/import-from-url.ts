import { z } from "zod";
import { safeFileName } from "../../src/dify/safe-file-name.ts";
import { RelayError } from "../../src/errors.ts";
import type { Fastio, UrlImport } from "../../src/fastio/types.ts";
import { folderField, messageField, requestIdField, workspaceField } from "./fields.ts";
import { childNamed, makeFolder, openWorkspace } from "./find-place.ts";
import { malformed, missing, ToolRefusal } from "./refuse.ts";
import { defineTool, type ToolCall } from "./tool.ts";

/** An answer is due within a minute; an import may take an hour. */
const WAIT_MS = 30_000;

export const importFromUrl = defineTool({
  name: "importFromUrl",
  path: "import-from-url",
  summary: "Let Fast.io fetch a file by its address",
  description:
    "Has Fast.io itself fetch a file from an address and store it. A large file takes longer than this call: the answer then is `working` with an `importId`; call again with that `importId` alone (and the workspace) to hear how it went.",
  effect: "write",
  input: z.strictObject({
    workspace: workspaceField,
    url: z.string().min(1).max(8_192).describe("Address of the file, https or http.").optional(),
    folder: folderField("Where to put it; folders of the path are made where they are missing"),
    name: z.string().min(1).max(255).describe("Name of the file; left out: as the address calls it.").optional(),
    importId: z.string().max(100).describe("Ask how an import goes that was begun before.").optional(),
    requestId: requestIdField,
  }),
  output: z.object({
    message: messageField,
    state: z.enum(["stored", "working"]),
    importId: z.string(),
    id: z.string().describe("Id of the file, once it is stored").optional(),
  }),
  run:
    ({ fastio, files, hasCalled }) =>
    async (input, call) => {
      const workspace = await openWorkspace(fastio, input.workspace, call);
      if (input.importId !== undefined) {
        if (input.url !== undefined) throw malformed("give url or importId, not both");
        const target = targetOf(workspace.id, input.importId);
        // Ids of imports are bound to no workspace by Fast.io: whoever guesses one would hear of anybody's.
        const isOwn = await hasCalled(call.caller, "importFromUrl", target);
        const job = isOwn ? await fastio.readImport(input.importId, call.signal) : undefined;
        if (job === undefined) throw missing("importId: there is no such import", "Begin it anew, with url.");
        return watch(fastio, workspace.id, job, call);
      }
      const url = URL.parse(input.url ?? "");
      if (url === null || !/^https?:$/.test(url.protocol)) throw malformed("url: must be an https or http address");
      await files.check(url, call.grant.fetch, call.signal);
      const begun = await findBegun(fastio, call);
      if (begun !== undefined) return watch(fastio, workspace.id, begun, call);
      const parentId = await makeFolder(fastio, workspace.id, input.folder, call.signal);
      const name = input.name === undefined ? undefined : safeFileName(input.name);
      const placed = await findPlaced(fastio, workspace.id, parentId, name, call);
      if (placed !== undefined) return placed;
      const target = { workspaceId: workspace.id, parentId };
      const job = await fastio.importUrl(
        { url: url.href, target, ...(name === undefined ? {} : { name }) },
        call.signal,
      );
      await call.remember({ importId: job.id });
      return watch(fastio, workspace.id, job, call);
    },
});

/** How an import stands in the log of calls, by which its caller is known again in its workspace. */
const targetOf = (workspaceId: string, importId: string): string => `${workspaceId}/${importId}`;

/** The import that an earlier try of this call began. */
async function findBegun(fastio: Pick<Fastio, "readImport">, call: ToolCall): Promise<UrlImport | undefined> {
  const { importId } = call.progress;
  if (typeof importId !== "string") return undefined;
  const job = await fastio.readImport(importId, call.signal);
  return job?.phase === "failed" ? undefined : job;
}

/** The try before may have begun an import and died before it could remember which: its file is known by its name. */
async function findPlaced(
  fastio: Pick<Fastio, "listFolder">,
  workspaceId: string,
  parentId: string,
  name: string | undefined,
  { isRepeat, startedAtMs, signal }: ToolCall,
) {
  if (!isRepeat || name === undefined) return undefined;
  const node = await childNamed(fastio, workspaceId, parentId, name, signal);
  // Fast.io tells whole seconds: what it stored in the second of the call seems older than the call.
  if (node?.modifiedAtMs === undefined || node.modifiedAtMs < startedAtMs - (startedAtMs % 1_000)) return undefined;
  const message = `${name} is stored: an earlier try of this call had it fetched.`;
  return { answer: { message, state: "stored" as const, importId: "", id: node.id }, target: node.id };
}

async function watch(fastio: Pick<Fastio, "waitForImport">, workspaceId: string, job: UrlImport, { signal }: ToolCall) {
  const target = targetOf(workspaceId, job.id);
  const patience = AbortSignal.timeout(WAIT_MS);
  try {
    const done = await fastio.waitForImport(job.id, AbortSignal.any([signal, patience]));
    const message = "The file is stored.";
    return {
      answer: { message, state: "stored" as const, importId: job.id, id: done.nodeId },
      target,
    };
  } catch (error) {
    if (patience.aborted && !signal.aborted) {
      const message = "Fast.io is still fetching the file. Call importFromUrl again with this importId to hear more.";
      return { answer: { message, state: "working" as const, importId: job.id }, target };
    }
    if (error instanceof RelayError && error.code === "upload_failed") {
      throw new ToolRefusal(
        422,
        "upload_failed",
        "Fast.io could not fetch or store the file",
        "Check that anybody can open the address without logging in.",
      );
    }
    throw error;
  }
}
