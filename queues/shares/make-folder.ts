import { safeFileName } from "../../src/dify/safe-file-name.ts";
import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { deliveryOf } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";

/** Characters of the file's name in its folder's name. */
const MAX_NAME_CHARS = 80;
/** Characters of the run id that keep two files of one name apart. */
const ID_CHARS = 8;

/**
 * Makes the folder the outputs go into: the rule's folder, and in it one for this run.
 * Fast.io gives the same folder for the same name, so a repeat makes none.
 */
export async function makeFolder(fastio: Pick<Fastio, "createFolder">, desk: RunDesk): Promise<void> {
  const { run, signal } = desk;
  let parentId = "root";
  for (const part of [...deliveryOf(run).folder, ownFolderName(run)]) {
    const folder = await fastio.createFolder({ workspaceId: run.workspaceId, parentId }, safeFileName(part), signal);
    parentId = folder.id;
  }
  // Written before anything is put in: what appears in this folder is ours and starts no run.
  await desk.checkpoint({ folderNodeId: normaliseOpaqueId(parentId) });
}

function ownFolderName({ fileName, id }: RunDesk["run"]): string {
  const name = [...fileName].slice(0, MAX_NAME_CHARS).join("");
  return `${name} (${id.slice(0, ID_CHARS)})`;
}
