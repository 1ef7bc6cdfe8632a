import type { Config } from "../config.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { askRelay, inLedgerOrRelay, type RelayRequest, refusalOf } from "./ask-relay.ts";
import type { CliContext } from "./context.ts";
import { plain } from "./print-table.ts";

/** How a deed ended that was done in the ledger itself. */
export type Deed<Done> =
  | { readonly kind: "done"; readonly done: Done }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Does what an operator asked for: in the ledger, or through the relay that holds it, which tells the same.
 * @param through what that relay is asked
 * @returns undefined when it was not done; why has been said
 */
export async function doDeed<Done>(
  context: CliContext,
  config: Config,
  through: RelayRequest,
  inLedger: (db: Db) => Promise<Deed<Done>>,
): Promise<Done | undefined> {
  const deed = await inLedgerOrRelay<Deed<Done> | undefined>(config, inLedger, async () => {
    const answer = await askRelay(context, config, through);
    if (answer?.status === 200) return { kind: "done", done: answer.told as Done }; // our own API
    return answer && { kind: "refused", why: plain(refusalOf(answer)) };
  });
  if (deed?.kind === "done") return deed.done;
  if (deed) context.warn(deed.why);
  return undefined;
}
