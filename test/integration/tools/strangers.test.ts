import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { forgetBefore } from "../../../src/ledger/retention.ts";
import { toolRequests } from "../../../src/ledger/schema.ts";
import { givenRun, readRunRow } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";
import { HASTY_TOKEN, NARROW_TOKEN, OTHER_WORKSPACE, openToolBench, type ToolBench } from "./open-tool-bench.ts";

const workspace = "Dify-Outputs";
const signal = new AbortController().signal;

let bench: ToolBench;
beforeAll(async () => {
  bench = await openToolBench();
});
afterAll(() => bench.close());

async function makeWorkspace(name: string, folderName: string): Promise<string> {
  const response = await fetch(`${bench.fastio.apiUrl}/org/${FASTIO_EMULATOR_DEFAULTS.orgId}/create/workspace/`, {
    method: "POST",
    headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    body: new URLSearchParams({
      name,
      folder_name: folderName,
      perm_join: "Member or above",
      perm_member_manage: "Admin or above",
      intelligence: "false",
    }),
  });
  const made = (await response.json()) as { readonly workspace: { readonly id: string } };
  return made.workspace.id;
}

describe("what is not of the workspace is not closed, however often it is asked for: ", () => {
  const revokeTwice = async (share: string) => {
    const wish = { workspace, share, confirm: true, requestId: `stranger-${share}` };
    const answers = [await bench.call("revoke-share", wish), await bench.call("revoke-share", wish)];
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
  };

  test("another workspace's share", async () => {
    await makeWorkspace("Elsewhere", "elsewhere-1");
    const made = await bench.call("create-share", { workspace: "elsewhere-1", title: "Not yours" });
    const share = String(made.body["id"]);
    await revokeTwice(share);
    expect(await bench.relay.upstreams.fastio.readShare(share, signal)).toMatchObject({ title: "Not yours" });
  });

  test("a run, by its own id", async () => {
    const { db } = bench.relay.ledger;
    const run = await givenRun(db, sampleRule(), { shareId: "5555555555555555555", shareReadyAtMs: 1 });
    await revokeTwice(run.id);
    expect(await readRunRow(db, run.id)).toEqual(run);
  });
});

test("a requestId that the ledger has forgotten makes a thing of its own", async () => {
  const wish = { workspace, title: "Monthly report", requestId: "monthly" };
  const first = await bench.call("create-share", wish);
  const { db } = bench.relay.ledger;
  const isRequest = and(eq(toolRequests.caller, "agent-a"), eq(toolRequests.requestId, "monthly"));
  await forgetBefore(db, Date.now() + 1);
  expect(await db.select().from(toolRequests).where(isRequest)).toEqual([]);
  const second = await bench.call("create-share", wish);
  expect([first.status, second.status]).toEqual([200, 200]);
  expect(second.body["id"]).not.toBe(first.body["id"]);
});

describe("a workspace by a name that others bear too", () => {
  const list = (wanted: string) => bench.read("list-files", { workspace: wanted }, NARROW_TOKEN);

  test("is the granted one, whatever the case", async () => {
    // NARROW_TOKEN may use this folder name alone.
    await makeWorkspace("Reports", "reports-of-others");
    await makeWorkspace("Reports", OTHER_WORKSPACE);
    expect((await list("Reports")).status).toBe(200);
    expect((await list("rePorts")).status).toBe(200);
  });

  test("is refused in the same words as one that does not exist when none is granted", async () => {
    await makeWorkspace("Salaries", "salaries-1");
    await makeWorkspace("Salaries", "salaries-2");
    const [nothing, theirs] = [await list("Nothing at all"), await list("Salaries")];
    expect(theirs).toMatchObject({ status: 403, body: nothing.body });
  });
});

test("an import is told of only in the workspace in which it was begun, and to the one who began it", async () => {
  const elsewhere = await makeWorkspace("Elsewhere too", "elsewhere-2");
  const begun = await bench.call("import-from-url", { workspace, url: `${bench.fileServer}/a`, name: "own.txt" });
  const ask = (place: string, token?: string) =>
    bench.call("import-from-url", { workspace: place, importId: begun.body["importId"] }, token);
  expect(await ask(workspace)).toMatchObject({ status: 200, body: { id: begun.body["id"] } });
  expect((await ask(elsewhere)).status).toBe(404);
  expect((await ask(workspace, HASTY_TOKEN)).status).toBe(404);
});
