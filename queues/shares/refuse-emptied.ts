import { PermanentError } from "../../src/errors.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs } from "../../src/ledger/outputs.ts";

/**
 * Outputs leave the ledger as they are placed: another folder or share in place of theirs would be handed to people empty.
 * @throws {PermanentError} `output_missing` when some were placed
 */
export async function refuseEmptied(db: Db, { id }: { readonly id: string }, what: "folder" | "share"): Promise<void> {
  const outputs = await listOutputs(db, id);
  if (outputs.every(({ nodeId }) => nodeId === null)) return;
  throw new PermanentError(
    "output_missing",
    `somebody deleted the ${what} with the outputs before they were delivered`,
    { nextAction: "replay the run, which makes them anew" },
  );
}
