import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DEFAULT_APP, TABLES_APP } from "../../../../src/emulators/dify/apps.ts";
import { documentWork, type Work } from "../../../../src/emulators/dify/work.ts";
import { closeBatches } from "../../../../src/ledger/batches.ts";
import { replayRun } from "../../../../src/ledger/replay-run.ts";
import { leaveOut, listAllFiles } from "../../../../src/ledger/run-files.ts";
import { type RunRow, runs } from "../../../../src/ledger/schema.ts";
import { NEWER_CAME } from "../../../../src/ledger/supersede.ts";
import { difyUserOf } from "../../../../src/run-id.ts";
import { SOON } from "../../../support/soon.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const TABLE = "a,b\n 1 ,2\n 1 ,2\n";
const UPLOAD = { method: "POST", path: "/files/upload" };

const bench = (options?: WorkbenchOptions): Promise<Workbench> => openWorkbench(ledger.db, options);

/** A rule that gathers files, and an app that takes a list of them. */
const batchBench = (mostFiles = 50): Promise<Workbench> =>
  bench({
    dify: {
      apps: [
        {
          ...TABLES_APP,
          inputs: TABLES_APP.inputs.map((input) =>
            input.type === "file-list" ? { ...input, max_length: mostFiles } : input,
          ),
        },
      ],
    },
    rule: {
      inputs: '{ tables: "{{ files }}", title: "{{ files.count }} tables, the first {{ file.name }}" }',
      title: "{{ files.label }}",
      run: "group: batch",
    },
  });

const runsOf = (it: Workbench): Promise<RunRow[]> => it.db.select().from(runs).where(eq(runs.ruleName, it.rule.name));

/** People drop files that belong together, and no more come. @returns the batch */
async function dropAll(it: Workbench, ...names: readonly string[]): Promise<RunRow> {
  for (const name of names) {
    const { nodeId } = await it.fastio.dropFile({ folder: "/Inbox", name, content: TABLE });
    await it.route(nodeId);
  }
  const [run, ...others] = await runsOf(it);
  if (!run || others.length > 0) throw new Error(`not one batch: ${others.length + 1}`);
  await closeBatches(it.db, Date.now() + 3_600_000);
  return readRunRow(it.db, run.id);
}

test("three tables dropped together are one workflow run, and one share with three clean tables and a report", async () => {
  const it = await batchBench();
  const { id, createdAtMs } = await dropAll(it, "north.csv", "south.csv", "west.csv");
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", fileCount: 3, warning: null });

  const { runs: workflowRuns, uploads } = it.dify.books();
  expect(workflowRuns).toMatchObject([{ user: difyUserOf(id), inputs: { title: "3 tables, the first north.csv" } }]);
  expect(uploads.map(({ name }) => name).sort()).toEqual(["north.csv", "south.csv", "west.csv"]);
  const { shares } = it.fastio.books();
  expect(shares).toHaveLength(1);
  expect(shares[0]?.title).toBe(`3 files of ${new Date(createdAtMs).toISOString().slice(0, 10)}`);
  expect(shares[0]?.files.map(({ name }) => name).sort()).toEqual([
    "north.cleaned.csv",
    "report.md",
    "south.cleaned.csv",
    "stats.json",
    "west.cleaned.csv",
  ]);
});

test("an upload that fails is tried again alone: those that are at Dify are not sent twice", async () => {
  const it = await batchBench();
  const { id } = await dropAll(it, "north.csv", "south.csv", "west.csv");
  it.dify.addFault({ match: UPLOAD, action: { kind: "status", status: 503 }, times: 1 });
  expect(await it.turn(id)).toMatchObject({ kind: "threw" });
  const sent = (await listAllFiles(it.db, id)).filter(({ difyUploadId }) => difyUploadId !== null);
  expect(sent).toHaveLength(2);
  const { run } = await it.drive(id);
  expect(run.status).toBe("delivered");
  expect(it.dify.books().uploads).toHaveLength(3);
  expect(it.dify.books().runs).toHaveLength(1);
});

test("a file that never came to Dify, though the batch was said to be ready, is named instead of being left empty", async () => {
  const it = await batchBench();
  const { id } = await dropAll(it, "north.csv", "south.csv");
  await it.db.update(runs).set({ difyUploadId: "said-to-be-there" }).where(eq(runs.id, id));
  const turn = await it.turn(id);
  expect(turn).toMatchObject({ kind: "threw", error: { message: expect.stringContaining("its file north.csv") } });
  expect(it.dify.books().runs).toEqual([]);
});

test("a file that the app does not take is left out with a warning, and the others have their run", async () => {
  const it = await batchBench();
  const { id } = await dropAll(it, "north.csv", "music.mp3", "west.csv");
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", fileCount: 2, warning: expect.stringContaining("music.mp3") });
  expect(
    it.dify
      .books()
      .uploads.map(({ name }) => name)
      .sort(),
  ).toEqual(["north.csv", "west.csv"]);
});

test("a batch of nothing that the app takes fails, and tells why", async () => {
  const it = await batchBench();
  const { id } = await dropAll(it, "music.mp3", "film.mp4");
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "failed", errorCode: "dify_file_refused" });
  expect(it.dify.books().uploads).toEqual([]);
  // A rule or app that was mended may take them after all.
  await replayRun(it.db, id, Date.now());
  expect(await readRunRow(it.db, id)).toMatchObject({ status: "queued", fileCount: 2 });
});

test("a batch whose files all have newer versions in other batches runs on nothing, nor does its replay", async () => {
  const it = await batchBench();
  const { id } = await dropAll(it, "north.csv");
  const [file] = await listAllFiles(it.db, id);
  await leaveOut(it.db, id, [{ fileKey: file?.fileKey ?? "", reason: NEWER_CAME }]);
  const skipped = { status: "skipped", queue: null, errorCode: "superseded", leaseOwner: null };
  expect((await it.drive(id)).run).toMatchObject(skipped);
  await replayRun(it.db, id, Date.now());
  expect((await it.drive(id)).run).toMatchObject({ ...skipped, finishedAtMs: expect.any(Number) });
  expect(it.dify.books()).toMatchObject({ uploads: [], runs: [] });
});

test("more files than the app takes at a time are cut into runs of as many as it takes", async () => {
  const it = await batchBench(2);
  const { id } = await dropAll(it, "a.csv", "b.csv", "c.csv", "d.csv", "e.csv");
  await it.drive(id);
  for (const run of await runsOf(it)) if (run.queue !== null) await it.drive(run.id);
  const done = await runsOf(it);
  expect(done.map(({ status, fileCount }) => [status, fileCount]).sort()).toEqual([
    ["delivered", 1],
    ["delivered", 2],
    ["delivered", 2],
  ]);
  const { runs: workflowRuns, uploads } = it.dify.books();
  expect(workflowRuns).toHaveLength(3);
  expect(uploads.map(({ name }) => name).sort()).toEqual(["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"]);
});

test("a file that changes while Dify works on it: the newer version's result stands alone", async () => {
  let changed = false;
  // At work until the file has changed, however long that takes.
  const work: Work = async (context) => {
    await vi.waitFor(() => expect(changed).toBe(true), SOON);
    return documentWork(context);
  };
  const it = await bench({ dify: { apps: [{ ...DEFAULT_APP, work }] } });
  const old = await it.drop("table.csv", TABLE);
  const working = it.turn(old.id);
  await vi.waitFor(() => expect(it.dify.books().runs).toHaveLength(1), SOON);
  const fresh = await it.drop("table.csv", `${TABLE}3,4\n`);
  expect(fresh.nodeId).toBe(old.nodeId);
  changed = true;
  await working;
  expect(await readRunRow(it.db, old.id)).toMatchObject({ status: "skipped", queue: null, errorCode: "superseded" });
  expect((await it.drive(fresh.id)).run.status).toBe("delivered");
  expect(it.fastio.books().shares).toHaveLength(1);
});

test("an older version whose delivery was stuck is not delivered after the newer one", async () => {
  const it = await bench();
  const old = await it.drop("table.csv", TABLE);
  await it.driveToShares(old.id);
  const fresh = await it.drop("table.csv", `${TABLE}3,4\n`);
  await it.drive(fresh.id);
  const { run } = await it.drive(old.id);
  expect(run).toMatchObject({ status: "skipped", shareId: null });
  expect(it.fastio.books().shares).toHaveLength(1);
  // Nobody will ever place what it had collected.
  expect(it.fastio.books().uploads.filter(({ status }) => status === "complete")).toEqual([]);
});
