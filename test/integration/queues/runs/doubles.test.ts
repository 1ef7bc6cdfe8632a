import { setTimeout as delay } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../../../../src/emulators/dify/defaults.ts";
import { documentWork, type Work, type WorkContext } from "../../../../src/emulators/dify/work.ts";
import { runs } from "../../../../src/ledger/schema.ts";
import { difyUserOf } from "../../../../src/run-id.ts";
import { SOON } from "../../../support/soon.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const DOUBLE = "the double";

test("a double that comes out of Dify's queue while its twin is at work is stopped at the end, and named", async () => {
  // The one works until its double does, and the double until it is stopped, however slow the machine is.
  const work: Work = async (context) => {
    if (context.inputs["title"] === DOUBLE) await talkUntilStopped(context);
    else await vi.waitFor(() => expect(running()).toHaveLength(2), SOON);
    return documentWork(context);
  };
  const it = await openWorkbench(ledger.db, {
    rule: { name: "doubled" },
    dify: { apps: [{ ...DEFAULT_APP, work }] },
  });
  const running = () => it.dify.books().runs.filter(({ status }) => status === "running");
  const { id } = await it.drop();
  // An earlier call left no trace for longer than it was looked for; below it comes to light.
  await ledger.db.update(runs).set({ submissions: 1 }).where(eq(runs.id, id));
  const turn = it.turn(id);
  const run = await vi.waitFor(
    async () => {
      const row = await readRunRow(ledger.db, id);
      expect(row.taskId).not.toBeNull();
      return row;
    },
    { timeout: 60_000, interval: 20 },
  );
  const file = { type: "document", transfer_method: "local_file", upload_file_id: run.difyUploadId };
  const late = await fetch(`${it.dify.apiUrl}/workflows/run`, {
    method: "POST",
    headers: { authorization: `Bearer ${DEFAULT_APP_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({
      inputs: { document: file, title: DOUBLE },
      user: difyUserOf(id),
      response_mode: "streaming",
    }),
  });
  await late.body?.cancel();
  expect(late.status).toBe(200);

  expect(await turn).toEqual({ kind: "done" });
  const { run: delivered } = await it.drive(id);
  const double = await vi.waitFor(() => {
    const found = it.dify.books().runs.find((row) => row.id !== run.workflowRunId);
    expect(found).toMatchObject({ status: "stopped" });
    return found;
  }, SOON);
  expect(delivered).toMatchObject({ status: "delivered", workflowRunId: run.workflowRunId, spentRunIds: [double?.id] });
  expect(delivered.warning).toContain(double?.id);
  expect(it.fastio.books().shares).toHaveLength(1);
});

/** Dify tells which task a run is only while the run has something to say. */
async function talkUntilStopped({ say, signal }: WorkContext): Promise<void> {
  for (;;) {
    say("…");
    await delay(20, undefined, { signal });
  }
}
