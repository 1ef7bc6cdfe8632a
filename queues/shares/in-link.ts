import type { Fastio } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { storageOfDelivery } from "../../src/rules/delivery-storage.ts";
import { isLost } from "../is-lost.ts";
import type { RunDesk } from "../run-desk.ts";
import { refuseEmptied } from "./refuse-emptied.ts";

export type InLinkDeps = { readonly db: Db; readonly fastio: Pick<Fastio, "readShare" | "readFileShare"> };

/**
 * Does what needs the run's share or file share. When somebody has deleted that, the next attempt makes it anew, as long
 * as what it shows still stands.
 * @throws {PermanentError} `output_missing` when the outputs went with the share that kept them
 */
export async function inLink<T>({ db, fastio }: InLinkDeps, desk: RunDesk, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { run, signal } = desk;
    const { shareId } = run;
    if (!isLost(error) || shareId === null) throw error;
    const { deliver } = run.rule;
    const found = await (deliver.as === "file-share"
      ? fastio.readFileShare(shareId, signal)
      : fastio.readShare(shareId, signal));
    if (found === undefined) {
      if (storageOfDelivery(deliver) === "own") await refuseEmptied(db, run, "share");
      await desk.checkpoint({ shareId: null, shareUrl: null, shareReadyAtMs: null });
    }
    throw error;
  }
}
