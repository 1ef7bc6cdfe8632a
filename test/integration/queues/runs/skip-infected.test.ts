import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runs } from "../../../../src/ledger/schema.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

test("a file that turned out to be infected while its run waited is never read", async () => {
  const bench = await openWorkbench(ledger.db, { fastio: { virusScan: "on" } });
  const run = await bench.drop("evil.csv");
  // It waited for an hour; meanwhile the scan found something in a new copy of the same node.
  await ledger.db
    .update(runs)
    .set({ seenAtMs: Date.now() - 3_600_000 })
    .where(eq(runs.id, run.id));
  bench.fastio.setKnobs({ infectedFor: "evil" });
  await bench.fastio.dropFile({ folder: "/Inbox", name: "evil.csv", content: "a,b\n1,2\n" });
  await bench.turn(run.id);
  expect(await readRunRow(ledger.db, run.id)).toMatchObject({
    status: "skipped",
    queue: null,
    errorCode: "infected",
    difyUploadId: null,
  });
  expect(bench.dify.books().uploads).toEqual([]);
});

test("a file that waited as long and is clean goes its way", async () => {
  const bench = await openWorkbench(ledger.db, { fastio: { virusScan: "on" } });
  const run = await bench.drop("fine.csv");
  await ledger.db
    .update(runs)
    .set({ seenAtMs: Date.now() - 3_600_000 })
    .where(eq(runs.id, run.id));
  expect((await bench.drive(run.id)).run.status).toBe("delivered");
});
