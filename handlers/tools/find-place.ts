import { PermanentError } from "../../src/errors.ts";
import { sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio, FastioNode, FastioShare, FastioWorkspace } from "../../src/fastio/types.ts";
import { workspacesNamed } from "../../src/fastio/workspaces-named.ts";
import type { ToolGrant } from "../../src/rules/tools-schema.ts";
import { malformed, missing, ToolRefusal } from "./refuse.ts";
import type { ToolCall } from "./tool.ts";

type Caller = Pick<ToolCall, "grant" | "signal">;

/** Whether a token may use a workspace: by its id or one of its names, or because it may use all. */
export const isGranted = ({ workspaces }: ToolGrant, { id, name, folderName }: FastioWorkspace): boolean =>
  workspaces.some((entry) => entry === "*" || entry === id || entry === name || entry === folderName);

/**
 * The workspace a call is about; without a reference, the only one its token may use.
 * One that is not granted, one that does not exist and a name that several granted ones bear are refused in the same words.
 */
export async function openWorkspace(
  fastio: Pick<Fastio, "readWorkspace" | "listWorkspaces">,
  reference: string | undefined,
  { grant, signal }: Caller,
): Promise<FastioWorkspace> {
  const [only, ...others] = grant.workspaces;
  const wanted = reference ?? (others.length === 0 && only !== "*" ? only : undefined);
  if (wanted === undefined) {
    throw malformed("workspace: is needed, since this token may use several", "Call listWorkspaces to see which.");
  }
  const direct = await fastio.readWorkspace(wanted, signal);
  if (direct !== undefined && isGranted(grant, direct)) return direct;
  // Chosen among the granted ones only: that others bear the same name is not for this caller to know.
  const granted = (await fastio.listWorkspaces(signal)).filter((workspace) => isGranted(grant, workspace));
  const [found, ...namesakes] = workspacesNamed(granted, wanted);
  if (found !== undefined && namesakes.length === 0) return found;
  throw new ToolRefusal(
    403,
    "forbidden",
    "workspace: this token may use no workspace of that name or id",
    "Call listWorkspaces to see which there are.",
  );
}

/** The parts of a path; undefined for what is an id. */
function pathOf(reference: string): readonly string[] | undefined {
  if (!reference.includes("/")) return undefined;
  const parts = reference.split("/").filter((part) => part !== "");
  if (parts.some((part) => part === "." || part === "..")) throw malformed("a path must not hold . and ..");
  if (parts.length > 32) throw malformed("a path has at most 32 folders");
  return parts;
}

const isTop = (reference: string | undefined): boolean => reference === undefined || /^(root|\/+)$/.test(reference);

/** Id of a folder that must be there. */
export async function findFolder(
  fastio: Pick<Fastio, "listFolder" | "readNode">,
  workspaceId: string,
  reference: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (reference === undefined || isTop(reference)) return "root";
  const node = await findNode(fastio, workspaceId, reference, signal);
  if (node.kind === "folder") return node.id;
  throw malformed("folder: that is a file and not a folder");
}

/** A file or folder by its path or its id. */
export async function findNode(
  fastio: Pick<Fastio, "listFolder" | "readNode">,
  workspaceId: string,
  reference: string,
  signal: AbortSignal,
): Promise<FastioNode> {
  const nothing = () =>
    missing("there is no such file or folder in this workspace", "Call listFiles to see what there is.");
  const path = pathOf(reference);
  if (path === undefined) {
    const node = await readNode(fastio, workspaceId, reference, signal);
    if (node === undefined || node.deleted) throw nothing();
    return node;
  }
  let at: FastioNode | undefined;
  for (const name of path) {
    if (at !== undefined && at.kind !== "folder") throw nothing();
    at = await childNamed(fastio, workspaceId, at?.id ?? "root", name, signal);
    if (at === undefined) throw nothing();
  }
  if (at === undefined) throw malformed("the top of a workspace is no file");
  return at;
}

/** An id goes into the path of a call, so only what looks like one is asked for. */
async function readNode(
  fastio: Pick<Fastio, "readNode">,
  workspaceId: string,
  nodeId: string,
  signal: AbortSignal,
): Promise<FastioNode | undefined> {
  if (!/^[\w-]{1,64}$/.test(nodeId)) return undefined;
  try {
    return await fastio.readNode(workspaceId, nodeId, signal);
  } catch (error) {
    if (error instanceof PermanentError && isAbsent(error)) return undefined;
    throw error;
  }
}

/** A malformed id is refused as an invalid field by some servers and as not found by others. */
const isAbsent = ({ code, failure }: PermanentError): boolean =>
  failure === "gone" || code === "not_found" || code === "invalid_request";

/** The entry of exactly this name in a folder, whether file or folder; undefined when there is none. */
export async function childNamed(
  fastio: Pick<Fastio, "listFolder">,
  place: Parameters<Fastio["listFolder"]>[0],
  folderId: string,
  name: string,
  signal: AbortSignal,
): Promise<FastioNode | undefined> {
  for await (const node of fastio.listFolder(place, folderId, signal)) if (node.name === name) return node;
  return undefined;
}

/** Id of a folder, made where its path is not there yet: the same path gives the same folder. */
export async function makeFolder(
  fastio: Pick<Fastio, "createFolder" | "listFolder" | "readNode">,
  workspaceId: string,
  reference: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const path = reference === undefined || isTop(reference) ? [] : pathOf(reference);
  if (path === undefined) return findFolder(fastio, workspaceId, reference, signal);
  let parentId = "root";
  for (const name of path) parentId = (await fastio.createFolder({ workspaceId, parentId }, name, signal)).id;
  return parentId;
}

/** A share of this workspace; one of another is as good as none. */
export async function findShareIn(
  fastio: Pick<Fastio, "readShare" | "listShares">,
  { id: workspaceId }: FastioWorkspace,
  shareId: string,
  signal: AbortSignal,
): Promise<FastioShare> {
  const nothing = missing("share: there is no such share in this workspace", "Check the id, and the workspace.");
  if (!/^[\w-]{1,100}$/.test(shareId)) throw nothing;
  const share = await fastio.readShare(shareId, signal);
  if (share === undefined) throw nothing;
  if (share.workspaceId !== undefined) {
    if (share.workspaceId === workspaceId) return share;
    throw nothing;
  }
  // Not every server tells where a share belongs; the list of the workspace does.
  for await (const one of fastio.listShares(workspaceId, signal)) if (sameOpaqueId(one.id, share.id)) return share;
  throw nothing;
}
