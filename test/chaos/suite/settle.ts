import { setTimeout as delay } from "node:timers/promises";
import type { FastioBooks } from "../../../src/emulators/fastio/books.ts";
import { deriveRunId, shareNameOf } from "../../../src/run-id.ts";
import type { Operator } from "./operator.ts";
import { FOLDERS } from "./stage.ts";
import type { Upstreams } from "./upstreams.ts";

const LOOK_EVERY_MS = 1_000;
/** Reading the books of a long run takes seconds. */
const BOOKS_EVERY_MS = 5_000;

/**
 * Waits, with an operator at work, until nothing is open: no run, no event, no delivery that is still tried, and the
 * newest version of each file has its share. What is there then is for the audit to judge.
 * @returns whether that came before the deadline; and what was open at the end
 */
export async function settle(
  { upstreams, operator, say }: { upstreams: Upstreams; operator: Operator; say: (line: string) => void },
  deadlineMs: number,
): Promise<{ readonly isSettled: boolean; readonly last: string }> {
  const endMs = performance.now() + deadlineMs;
  let last = "";
  while (performance.now() < endMs) {
    try {
      await operator.look();
      const { runs, events, troubled } = await operator.readOpen();
      let open = `${runs} runs, ${events} events, ${troubled} in trouble`;
      if (runs + events + troubled === 0) {
        const { pending, unshared } = whatIsMissing((await upstreams.books()).fastio);
        if (pending + unshared === 0) return { isSettled: true, last: "nothing" };
        open = `${pending} deliveries, ${unshared} files without a share`;
        await delay(BOOKS_EVERY_MS);
      }
      if (open !== last) say(`open: ${open}`);
      last = open;
    } catch (error) {
      last = `the relay did not answer: ${String(error)}`;
    }
    await delay(LOOK_EVERY_MS);
  }
  return { isSettled: false, last };
}

/** Deliveries that Fast.io still tries, and files whose newest version no share shows. */
function whatIsMissing({ deliveries, files, shares }: FastioBooks) {
  const names = new Set(shares.map(({ customName }) => customName));
  const plain = (id = ""): string => id.replaceAll("-", "").toLowerCase();
  const unshared = files.filter(({ id, path, versions }) => {
    const folder = FOLDERS.find((one) => path.startsWith(`${one}/`));
    if (folder === undefined) return false;
    // Each folder's rule is called as the folder is.
    const rule = folder.slice(folder.lastIndexOf("/") + 1);
    const runId = deriveRunId({ rule, nodeId: plain(id), versionId: plain(versions.at(-1)?.id) });
    return !names.has(shareNameOf(runId));
  });
  return { pending: deliveries.filter(({ settled }) => settled === "pending").length, unshared: unshared.length };
}
