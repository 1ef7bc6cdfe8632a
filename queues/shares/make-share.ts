import { PermanentError } from "../../src/errors.ts";
import { sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { shareNameOf } from "../../src/run-id.ts";
import { deliveryOf } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";

/**
 * Creates the share, unless it exists: its custom name is derived from the run, and Fast.io keeps such names unique,
 * so a repeat finds the share or collides with it.
 */
export async function makeShare(fastio: Pick<Fastio, "findShare" | "createShare">, desk: RunDesk): Promise<void> {
  const { run, signal } = desk;
  const { deliver } = run.rule;
  const customName = shareNameOf(run.id);
  const folderNodeId = run.folderNodeId ?? "root";
  const { title, description } = deliveryOf(run);
  const share =
    (await fastio.findShare(customName, signal)) ??
    (await fastio.createShare(
      {
        workspaceId: run.workspaceId,
        title,
        customName,
        type: deliver.type,
        folderNodeId,
        access: deliver.access,
        ...(description === undefined ? {} : { description }),
      },
      signal,
    ));
  if (share.folderNodeId !== undefined && !sameOpaqueId(share.folderNodeId, folderNodeId)) {
    throw new PermanentError("conflict", `a share named ${customName} exists and shows another folder`, {
      nextAction: "rename or delete that share in Fast.io, then replay",
    });
  }
  await desk.checkpoint({ shareId: share.id, shareUrl: share.url ?? null });
}
