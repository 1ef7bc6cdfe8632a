import type { Config } from "../config.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { plain } from "../text/unseen.ts";
import { askRelay, inLedgerOrRelay, type RelayRequest, refusalOf, tellsOfNone } from "./ask-relay.ts";
import type { CliContext } from "./context.ts";
import { type Findable, sayNone } from "./say-none.ts";

/** How a deed ended that was done in the ledger itself. */
export type Deed<Done> =
  | { readonly kind: "done"; readonly done: Done }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "none" };

/**
 * Does what an operator asked for: in the ledger, or through the relay that holds it, which tells the same.
 * @param through what that relay is asked
 * @param to what it is done to, where the answer does not tell what there is
 * @returns undefined when it was not done; why has been said
 */
export async function doDeed<Done>(
  context: CliContext,
  config: Config,
  through: RelayRequest,
  inLedger: (db: Db) => Promise<Deed<Done>>,
  to?: { readonly what: Findable; readonly id: string },
): Promise<Done | undefined> {
  const deed = await inLedgerOrRelay<Deed<Done> | undefined>(config, inLedger, async () => {
    const answer = await askRelay(context, config, through);
    if (answer?.status === 200) return { kind: "done", done: answer.told as Done }; // our own API
    if (answer && to && tellsOfNone(answer)) return { kind: "none" };
    return answer && { kind: "refused", why: plain(refusalOf(answer)) };
  });
  if (deed?.kind === "done") return deed.done;
  if (deed?.kind === "refused") context.warn(deed.why);
  if (deed?.kind === "none" && to) sayNone(context, to.what, to.id);
  return undefined;
}
