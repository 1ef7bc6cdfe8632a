import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { DEFAULT_APP_KEY } from "../../../../src/emulators/dify/defaults.ts";
import { runs } from "../../../../src/ledger/schema.ts";
import { difyUserOf } from "../../../../src/run-id.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const WORK_MS = 1_500;

test("a double that comes out of Dify's queue while its twin is at work is stopped at the end, and named", async () => {
  const it = await openWorkbench(ledger.db, { rule: { name: "doubled" }, dify: { workMs: WORK_MS } });
  onTestFinished(it.close);
  const { id } = await it.drop();
  const turn = it.turn(id);
  const run = await vi.waitFor(
    async () => {
      const row = await readRunRow(ledger.db, id);
      expect(row.taskId).not.toBeNull();
      return row;
    },
    { timeout: 10_000, interval: 20 },
  );
  // An earlier call left no trace for longer than it was looked for; here it is.
  await ledger.db.update(runs).set({ submissions: 2 }).where(eq(runs.id, id));
  const file = { type: "document", transfer_method: "local_file", upload_file_id: run.difyUploadId };
  const late = await fetch(`${it.dify.apiUrl}/workflows/run`, {
    method: "POST",
    headers: { authorization: `Bearer ${DEFAULT_APP_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({
      inputs: { document: file, title: "table.csv" },
      user: difyUserOf(id),
      response_mode: "streaming",
    }),
  });
  await late.body?.cancel();
  expect(late.status).toBe(200);

  expect(await turn).toEqual({ kind: "done" });
  const { run: delivered } = await it.drive(id);
  const double = it.dify.books().runs.find((row) => row.id !== run.workflowRunId);
  expect(double).toMatchObject({ status: "stopped" });
  expect(delivered).toMatchObject({ status: "delivered", workflowRunId: run.workflowRunId, spentRunIds: [double?.id] });
  expect(delivered.warning).toContain(double?.id);
  expect(it.fastio.books().shares).toHaveLength(1);
});
