import type { Fastio, FastioShare, FileShare } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs } from "../../src/ledger/outputs.ts";
import type { OutputRow } from "../../src/ledger/schema.ts";
import { NOT_DELIVERED } from "../../src/ledger/tell-cancelled.ts";
import { storageOfDelivery } from "../../src/rules/delivery-storage.ts";
import { shareNameOf } from "../../src/run-id.ts";
import type { CancelProgress, RunDesk } from "../run-desk.ts";
import { findFileShare } from "./make-file-share.ts";

export type CancelDeliveryDeps = { readonly db: Db; readonly fastio: Pick<Fastio, "findShare" | "listFileShares"> };

/**
 * Ends a delivery on its way. What stands in Fast.io already is left there, since people may have seen it, and told of:
 * a share whose maker died before he could write it down is looked for.
 */
export async function cancelDelivery({ db, fastio }: CancelDeliveryDeps, desk: RunDesk): Promise<CancelProgress> {
  const { run } = desk;
  const outputs = await listOutputs(db, run.id);
  // Nothing is shown before there is a folder, unless the share is its own.
  const mayBeShared = run.folderNodeId !== null || storageOfDelivery(run.rule.deliver) === "own";
  if (run.shareId === null && mayBeShared) {
    const found = await findUntold(fastio, desk, outputs);
    if (found) await desk.checkpoint({ shareId: found.id, shareUrl: found.url ?? null });
  }
  const placed = outputs.filter(({ nodeId }) => nodeId !== null).length;
  const some = `${placed} of ${outputs.length} outputs`;
  if (desk.run.shareId !== null) {
    const holds = placed === outputs.length ? "its outputs delivered" : some;
    const toInvite = run.rule.deliver.invite.length > 0 && run.invited.length === 0;
    const invited = toInvite ? "; nobody was invited by the relay any more" : "";
    return { kind: "cancelled", note: `the share had been made and stays, with ${holds}${invited}` };
  }
  if (placed > 0) {
    const shareless = run.rule.deliver.as === "workspace" ? "" : ", and no share was made";
    return {
      kind: "cancelled",
      note: `the workflow had finished already; ${some} stand in its folder in Fast.io${shareless}`,
    };
  }
  return { kind: "cancelled", note: NOT_DELIVERED };
}

async function findUntold(
  fastio: CancelDeliveryDeps["fastio"],
  { run, signal }: RunDesk,
  outputs: readonly OutputRow[],
): Promise<FastioShare | FileShare | undefined> {
  switch (run.rule.deliver.as) {
    case "workspace":
      return undefined;
    case "file-share": {
      const [output] = outputs;
      return output?.nodeId ? findFileShare(fastio, run, output.nodeId, signal) : undefined;
    }
    case "share":
    case "drop-off":
      return fastio.findShare(shareNameOf(run.id), signal);
    default:
      return run.rule.deliver.as satisfies never;
  }
}
