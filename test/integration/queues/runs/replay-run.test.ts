import { afterAll, beforeAll, expect, test } from "vitest";
import { replayRun } from "../../../../handlers/replay-run.ts";
import { openTestLedger, replayDeps, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const bench = (): Promise<Workbench> => openWorkbench(ledger.db);
const replay = (id: string) => replayRun(replayDeps(ledger.db))(id, { actor: "operator" });

test("a failed run begins again with a workflow run of its own, and the failed one is not taken for it", async () => {
  const it = await bench();
  it.dify.addFault({ action: { kind: "node_failure" } });
  const { id } = await it.drop();
  const failed = await it.drive(id);
  expect(failed.run.status).toBe("failed");

  expect(await replay(id)).toMatchObject({ kind: "replayed", run: id });
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", errorCode: null, warning: null });
  expect(run.spentRunIds).toEqual([failed.run.workflowRunId]);
  expect(run.workflowRunId).not.toBe(failed.run.workflowRunId);
  expect(
    it.dify
      .books()
      .runs.map(({ status }) => status)
      .sort(),
  ).toEqual(["failed", "succeeded"]);
  expect(it.fastio.books().shares).toHaveLength(1);
});

test("a run that failed while it was delivered goes on with its delivery", async () => {
  const it = await bench();
  it.fastio.addFault({
    match: { path: "create/share" },
    times: 0,
    action: { kind: "status", status: 422, body: { result: false, error: { code: 1605, text: "no" } } },
  });
  const { id } = await it.drop();
  expect((await it.drive(id)).run).toMatchObject({ status: "failed", errorStep: "share" });
  await fetch(`${it.fastio.url}/__faults`, { method: "DELETE" });

  expect(await replay(id)).toMatchObject({ kind: "replayed", run: id });
  expect((await it.drive(id)).run.status).toBe("delivered");
  expect(it.dify.books().runs).toHaveLength(1);
  expect(it.fastio.books().shares).toHaveLength(1);
});

test("an unfinished run is not replayed, an unknown one is said to be unknown, and asking twice begins once", async () => {
  const it = await bench();
  it.dify.addFault({ action: { kind: "node_failure" } });
  const { id } = await it.drop();
  await it.drive(id);
  const answers = await Promise.all([replay(id), replay(id)]);
  expect(answers.map(({ kind }) => kind).sort()).toEqual(["not_ended", "replayed"]);
  expect(await replay(id)).toEqual({ kind: "not_ended", status: "queued" });
  expect(await replay("nobody")).toEqual({ kind: "unknown_run" });
});
