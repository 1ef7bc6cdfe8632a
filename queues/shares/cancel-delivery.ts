import type { Fastio } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs } from "../../src/ledger/run-queries.ts";
import { NOT_DELIVERED } from "../../src/ledger/tell-cancelled.ts";
import { shareNameOf } from "../../src/run-id.ts";
import type { CancelProgress, RunDesk } from "../run-desk.ts";

/**
 * Ends a delivery on its way. What stands in Fast.io already is left there, since people may have seen it, and told of:
 * a share whose maker died before he could write it down is looked for.
 */
export async function cancelDelivery(
  { db, fastio }: { readonly db: Db; readonly fastio: Pick<Fastio, "findShare"> },
  desk: RunDesk,
): Promise<CancelProgress> {
  const { run, signal } = desk;
  if (run.shareId === null && run.folderNodeId !== null) {
    const found = await fastio.findShare(shareNameOf(run.id), signal);
    if (found) await desk.checkpoint({ shareId: found.id, shareUrl: found.url ?? null });
  }
  const outputs = await listOutputs(db, run.id);
  const placed = outputs.filter(({ nodeId }) => nodeId !== null).length;
  if (desk.run.shareId !== null) {
    const toInvite = run.rule.deliver.invite.length > 0 && run.invited.length === 0;
    const invited = toInvite ? "; nobody was invited by the relay any more" : "";
    return { kind: "cancelled", note: `the share had been made and stays, with its outputs delivered${invited}` };
  }
  if (placed > 0) {
    const left = `${placed} of ${outputs.length} outputs stand in its folder in Fast.io, and no share was made`;
    return { kind: "cancelled", note: `the workflow had finished already; ${left}` };
  }
  return { kind: "cancelled", note: NOT_DELIVERED };
}
