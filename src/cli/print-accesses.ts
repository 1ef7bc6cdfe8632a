import type { AccessList } from "../../handlers/share-schemas.ts";
import { timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import type { CliContext } from "./context.ts";
import { formatTable, type TableRoom } from "./print-table.ts";

/** Who opened it, as a table. */
export function printAccesses(context: Pick<CliContext, "print"> & TableRoom, { count, latest }: AccessList): void {
  if (count === 0) {
    context.print("Nobody has opened it yet, as far as Fast.io tells.");
    return;
  }
  context.print(
    formatTable(
      context,
      ["WHEN", "WHO", "DID", "WHAT"],
      latest.map((one) => [timeOf(one.atMs), plain(one.who), one.did, plain(one.what ?? "")]),
    ),
  );
  if (count > latest.length) context.print(`The latest ${latest.length} of ${count}; relay audit export tells all.`);
}
