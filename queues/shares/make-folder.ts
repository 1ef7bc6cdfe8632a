import { nameWith, safeFileName } from "../../src/dify/safe-file-name.ts";
import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { RememberingFastio } from "../../src/fastio/remember-places.ts";
import { claimFolder, findFolderOwner } from "../../src/ledger/folder-claims.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import { filesLabel } from "../../src/rules/template-values.ts";
import { isLost } from "../is-lost.ts";
import { deliveryOf } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";
import { refuseEmptied } from "./refuse-emptied.ts";

export type MakeFolderDeps = {
  readonly db: Db;
  readonly fastio: Pick<RememberingFastio, "createFolder" | "enterFolder" | "listFolder" | "readNode">;
};

/** Characters of the file's name in its folder's name. */
const MAX_NAME_CHARS = 80;
/** Characters of the run id that keep two files of one name apart. */
const ID_CHARS = 8;

/**
 * Makes the folder the outputs go into, which is this run's alone: one of its own in the rule's folder; for a drop-off
 * the rule's folder itself. Fast.io gives the same folder for the same name, so a repeat makes none.
 * @throws {PermanentError} `output_missing` when somebody deleted the folder after outputs were put into it
 */
export async function makeFolder(deps: MakeFolderDeps, desk: RunDesk): Promise<void> {
  const { run, signal } = desk;
  if (run.folderNodeId !== null) {
    if (await isThere(deps, run, run.folderNodeId, signal)) return;
    await refuseEmptied(deps.db, run, "folder");
  }
  const make = (fresh: boolean): Promise<string> => walk(deps, run, fresh, signal);
  // A folder on the way that is remembered may be gone by now.
  const folderId = await make(false).catch((error: unknown) => {
    if (isLost(error)) return make(true);
    throw error;
  });
  // Written before anything is put in: what appears in this folder is ours and starts no run.
  await desk.checkpoint({ folderNodeId: normaliseOpaqueId(folderId) });
}

/**
 * Does what needs the run's folder. With a folder on the way to it, it may be in the trash without saying so: then the
 * next attempt has the one that stands there now.
 */
export async function inFolder<T>(deps: MakeFolderDeps, desk: RunDesk, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isLost(error)) throw error;
    const { run, signal } = desk;
    const folderNodeId = normaliseOpaqueId(await walk(deps, run, true, signal));
    if (folderNodeId !== run.folderNodeId) {
      await refuseEmptied(deps.db, run, "folder");
      await desk.checkpoint({ folderNodeId });
    }
    throw error;
  }
}

/** @param fresh the folders on the way are not taken from memory */
async function walk(deps: MakeFolderDeps, run: RunRow, fresh: boolean, signal: AbortSignal): Promise<string> {
  const { deliver } = run.rule;
  const path = deliveryOf(run).folder;
  const shown = deliver.as === "drop-off" ? path.at(-1) : undefined;
  let folderId = deliver.folder === "." ? await sourceFolder(deps, run, signal) : "root";
  for (const name of shown === undefined ? path : path.slice(0, -1)) {
    folderId = await enterFolder(deps, run, folderId, name, fresh, signal);
  }
  return shown === undefined
    ? createFolder(deps, run, folderId, ownFolderName(run), signal)
    : takeFolder(deps, run, folderId, shown, signal);
}

type Step = readonly [deps: MakeFolderDeps, run: RunRow, parentId: string, name: string, signal: AbortSignal];

async function createFolder(...[{ fastio }, { workspaceId }, parentId, name, signal]: Step): Promise<string> {
  return (await fastio.createFolder({ workspaceId, parentId }, safeFileName(name), signal)).id;
}

/** A folder on the way. One that people were let into for another run is passed by: they would see this run's outputs. */
async function enterFolder(
  deps: MakeFolderDeps,
  run: RunRow,
  parentId: string,
  name: string,
  fresh: boolean,
  signal: AbortSignal,
): Promise<string> {
  const target = { workspaceId: run.workspaceId, parentId };
  const { id: folderId } = await deps.fastio.enterFolder(target, safeFileName(name), { fresh }, signal);
  const owner = await findFolderOwner(deps.db, normaliseOpaqueId(folderId));
  if (owner === undefined || owner === run.id) return folderId;
  return createFolder(deps, run, parentId, withId(name, run), signal);
}

/**
 * A folder that people are let into. It is taken only while there is nothing in it: what somebody else has put there
 * is not for them, and Fast.io lets a folder back one share. The next run of the day gets one with its id in the name.
 */
async function takeFolder(...[deps, run, parentId, name, signal]: Step): Promise<string> {
  const folderId = await createFolder(deps, run, parentId, name, signal);
  const folderNodeId = normaliseOpaqueId(folderId);
  const owner = await findFolderOwner(deps.db, folderNodeId);
  const isFree = owner === undefined && (await isEmpty(deps, run, folderId, signal));
  if (owner === run.id || (isFree && (await claimFolder(deps.db, folderNodeId, run.id)))) return folderId;
  return createFolder(deps, run, parentId, withId(name, run), signal);
}

async function isEmpty(
  { fastio }: MakeFolderDeps,
  { workspaceId }: RunRow,
  folderId: string,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const _ of fastio.listFolder(workspaceId, folderId, signal)) return false;
  return true;
}

/** Whether the folder of an earlier attempt, or of the delivery before a replay, still stands. */
async function isThere(
  { fastio }: MakeFolderDeps,
  { workspaceId }: RunRow,
  nodeId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return !(await fastio.readNode(workspaceId, nodeId, signal)).deleted;
  } catch (error) {
    if (isLost(error)) return false;
    throw error;
  }
}

/** Where the source lies now; once it is gone, where it lay when the run was made. */
async function sourceFolder(deps: MakeFolderDeps, run: RunRow, signal: AbortSignal): Promise<string> {
  // Outputs go to the workspace, whose top stands for a share's own storage.
  if (run.sourceShareId !== null) return "root";
  try {
    const source = await deps.fastio.readNode(run.workspaceId, run.nodeId, signal);
    if (!source.deleted) return source.parentId;
  } catch (error) {
    if (!isLost(error)) throw error;
  }
  let folderId = "root";
  for (const name of run.folderPath.split("/").filter((part) => part !== "")) {
    folderId = (await deps.fastio.createFolder({ workspaceId: run.workspaceId, parentId: folderId }, name, signal)).id;
  }
  return folderId;
}

const withId = (name: string, { id }: RunRow): string => nameWith(name, ` (${id.slice(0, ID_CHARS)})`);

function ownFolderName(run: RunRow): string {
  const label = filesLabel(run.fileName, run.fileCount, run.createdAtMs);
  return withId([...label].slice(0, MAX_NAME_CHARS).join(""), run);
}
