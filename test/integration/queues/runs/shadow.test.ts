import { afterAll, beforeAll, expect, test } from "vitest";
import { offerHandoff } from "../../../../handlers/offer-handoff.ts";
import { createReadRuns } from "../../../../handlers/read-runs.ts";
import { systemClock } from "../../../../src/clock.ts";
import { runPage } from "../../../../src/dashboard/run-page.ts";
import { listOutputs } from "../../../../src/ledger/outputs.ts";
import { replayRun } from "../../../../src/ledger/replay-run.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { givenRun, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const INVITING = 'invite: ["guest@example.com"], access: named, message: "Here you are."';

test("a shadow rule runs its workflow and delivers nowhere but to the run's page", async () => {
  const it = await openWorkbench(ledger.db, { rule: { name: "shadow", shadow: true, deliver: INVITING } });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({
    status: "delivered",
    workflowStatus: "succeeded",
    shareId: null,
    shareUrl: null,
    folderNodeId: null,
    invited: [],
  });
  expect(it.dify.books().runs).toHaveLength(1);
  // Nothing but the file that was dropped, and no bytes that wait for a place.
  expect(it.fastio.books().files.map(({ path }) => path)).toEqual(["/Inbox/table.csv"]);
  expect(it.fastio.books().shares).toEqual([]);
  expect((await listOutputs(ledger.db, id)).map(({ uploadId, nodeId }) => [uploadId, nodeId])).toEqual(
    Array.from({ length: 3 }, () => [null, null]),
  );

  const story = await createReadRuns(ledger.db).story(id);
  expect(story).toMatchObject({
    shadow: true,
    share: null,
    outputs: [
      { name: "cleaned.csv", placed: false, sha256: expect.stringMatching(/^[0-9a-f]{64}$/), text: null },
      { name: "report.md", placed: false, text: expect.stringContaining("# Cleaned: table.csv") },
      { name: "stats.json", placed: false, text: expect.stringContaining('"rows') },
    ],
  });
  if (!story) throw new Error("no story");
  const page = String(await runPage(story, { role: "viewer", name: null, path: "/runs/r1", atMs: 0, alerts: 0 }));
  expect(page).toContain("shadow: delivered nowhere");
  expect(page).toContain("<pre># Cleaned: table.csv");
  expect(page).toMatch(/cleaned\.csv <span class="soft">[^<]*not kept, SHA-256/);
});

test("a shadow run can be replayed, and delivers nowhere again", async () => {
  const it = await openWorkbench(ledger.db, { rule: { name: "shadow-again", shadow: true } });
  const { id } = await it.drop();
  await it.drive(id);
  expect(await replayRun(ledger.db, id, Date.now())).toMatchObject({ kind: "replayed", from: "delivered" });
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", shareId: null });
  expect(it.dify.books().runs).toHaveLength(2);
  expect(it.fastio.books().shares).toEqual([]);
  expect(await listOutputs(ledger.db, id)).toHaveLength(3);
});

test("a shadow rule with a handoff offers nothing, on its page or when asked", async () => {
  const refuse = async (): Promise<never> => {
    throw new Error("Fast.io was asked");
  };
  const offer = offerHandoff({
    db: ledger.db,
    clock: systemClock,
    log: silentLog,
    fastio: { readWorkspace: refuse, createTransfer: refuse, deleteTransfer: refuse },
  });
  const story = async (shadow: boolean) => {
    const name = shadow ? "shadow-handoff" : "handoff";
    const rule = { ...sampleRule({ name, shadow }), handoff: true };
    const { id } = await givenRun(ledger.db, rule, { status: "delivered", queue: null });
    const told = await createReadRuns(ledger.db).story(id);
    if (!told) throw new Error("no story");
    return {
      id,
      told,
      page: String(await runPage(told, { role: "admin", name: null, path: "/runs/r1", atMs: 0, alerts: 0 })),
    };
  };
  const shadow = await story(true);
  expect(shadow.told.handoff).toBeNull();
  expect(shadow.page).not.toContain("claim-link");
  expect(await offer(shadow.id, { actor: "admin", replace: false })).toEqual({
    kind: "not_wanted",
    run: shadow.id,
    rule: "shadow-handoff",
  });
  // The same rule out of the shadow does.
  const open = await story(false);
  expect(open.page).toContain("claim-link");
  await expect(offer(open.id, { actor: "admin", replace: false })).rejects.toThrow("Fast.io was asked");
});
