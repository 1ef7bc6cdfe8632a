import { expect, test } from "vitest";
import { tidyEmbedded } from "../../../src/ledger/tidy-embedded.ts";
import { SOON } from "../../support/soon.ts";
import { useLedger } from "./subjects.ts";

const { ledger } = useLedger("pglite");

test("an embedded ledger learns of what came into it once that is much, and rests until much has changed again", async () => {
  const { pglite } = ledger();
  if (!pglite) throw new Error("the ledger is not embedded");
  await pglite.exec(`insert into relay.run_names (run_id, ordinal, created_at_ms, name, grams)
    select 'r' || n, 0, n, 'name ' || n, array[n] from generate_series(1, 3000) as n`);
  // The database counts changes a moment after they were made.
  await expect.poll(() => tidyEmbedded(pglite), SOON).toContain("relay.run_names");
  const { rows } = await pglite.query(
    "select reltuples::int as rows from pg_class where oid = 'relay.run_names'::regclass",
  );
  expect(rows).toEqual([{ rows: 3_000 }]);
  expect(await tidyEmbedded(pglite)).not.toContain("relay.run_names");
});

test("what a start after a kill would have to do again is bounded", async () => {
  const { pglite } = ledger();
  if (!pglite) throw new Error("the ledger is not embedded");
  const bytesToRedo = async (): Promise<number> => {
    const { rows } = await pglite.query<{ readonly bytes: string }>(
      "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::text as bytes from pg_control_checkpoint()",
    );
    return Number(rows[0]?.bytes);
  };
  await pglite.exec(`insert into relay.run_names (run_id, ordinal, created_at_ms, name, grams)
    select 'long' || n, 0, n, repeat(md5(n::text), 50), array[n] from generate_series(1, 6000) as n`);
  expect(await bytesToRedo()).toBeGreaterThan(4 * 1_048_576);
  await tidyEmbedded(pglite);
  expect(await bytesToRedo()).toBeLessThan(1_048_576);
});
