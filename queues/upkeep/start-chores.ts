import { nameOldRuns } from "../../src/ledger/name-old-runs.ts";
import type { Ledger } from "../../src/ledger/open-ledger.ts";
import { tidyEmbedded } from "../../src/ledger/tidy-embedded.ts";
import { type SendNoticesDeps, sendNotices } from "../../src/notices/send-notices.ts";
import { type TellEndingsDeps, tellEndings } from "../receipts/tell-endings.ts";
import { type CarryOutBulkDeps, carryOutBulk } from "./carry-out-bulk.ts";
import { type CloseLinksDeps, closeLinks } from "./close-links.ts";
import { type LeasedChoreDeps, startLeasedChore } from "./leased-chore.ts";
import { type ReadAccessesDeps, readAccesses } from "./read-accesses.ts";

const CLOSE_LINKS_EVERY_MS = 2_000;
const BULK_EVERY_MS = 1_000;
const TELL_EVERY_MS = 2_000;
/** There is nothing to do for it but after an upgrade. */
const NAME_EVERY_MS = 600_000;
/** Runs named at a time, so that others get to the ledger in between. */
const NAMED_AT_ONCE = 500;
const TIDY_EVERY_MS = 60_000;
/** Shares are asked about by their age; this is how often somebody looks whose turn it is. */
const READ_ACCESSES_EVERY_MS = 20_000;

/** Starts the chores that wait on others. @returns stops for each of them */
export function startChores(
  deps: LeasedChoreDeps &
    CloseLinksDeps &
    ReadAccessesDeps &
    TellEndingsDeps &
    SendNoticesDeps &
    CarryOutBulkDeps &
    Pick<Ledger, "pglite">,
): readonly (() => Promise<void>)[] {
  const { pglite } = deps;
  return [
    startLeasedChore(deps, {
      name: "links",
      everyMs: CLOSE_LINKS_EVERY_MS,
      when: "links",
      work: (signal) => closeLinks(deps, signal),
    }),
    startLeasedChore(deps, {
      name: "receipts",
      everyMs: TELL_EVERY_MS,
      when: "tellings",
      work: (signal) => tellEndings(deps, signal),
    }),
    startLeasedChore(deps, {
      name: "bulk",
      everyMs: BULK_EVERY_MS,
      when: "bulk",
      work: (signal) => carryOutBulk(deps, signal),
    }),
    startLeasedChore(deps, {
      name: "notices",
      everyMs: TELL_EVERY_MS,
      when: "notices",
      work: (signal) => sendNotices(deps, signal),
    }),
    startLeasedChore(deps, {
      name: "accesses",
      everyMs: READ_ACCESSES_EVERY_MS,
      work: (signal) => readAccesses(deps, signal),
    }),
    startLeasedChore(deps, {
      name: "names",
      everyMs: NAME_EVERY_MS,
      work: async (signal) => {
        while (!signal.aborted && (await nameOldRuns(deps.db, NAMED_AT_ONCE, deps.clock.now())) > 0);
      },
    }),
    ...(pglite
      ? [startLeasedChore(deps, { name: "tidy", everyMs: TIDY_EVERY_MS, work: () => tidyEmbedded(pglite) })]
      : []),
  ];
}
