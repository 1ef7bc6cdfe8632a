import { is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_APP, type StartVariable } from "../../../../src/emulators/dify/apps.ts";
import type { Profile } from "../../../../src/emulators/dify/profile.ts";
import { listAttempts } from "../../../../src/ledger/attempts.ts";
import { listOutputs } from "../../../../src/ledger/outputs.ts";
import { replayRun } from "../../../../src/ledger/replay-run.ts";
import * as schema from "../../../../src/ledger/schema.ts";
import type { Log } from "../../../../src/telemetry/log.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const bench = ({ rule, ...options }: WorkbenchOptions = {}): Promise<Workbench> =>
  openWorkbench(ledger.db, { ...options, rule: { run: "send: url", ...rule } });

const MIB = 1024 * 1024;
const PROFILES: readonly Profile[] = ["P1", "P2", "P3"];
const LINK = { document: { transfer_method: "remote_url" } };
const UPLOAD = { document: { transfer_method: "local_file" } };
const requestsTo = ({ fastio }: Workbench, part: string): number =>
  Object.entries(fastio.books().requests).reduce((sum, [name, count]) => sum + (name.includes(part) ? count : 0), 0);

function appTaking(methods: NonNullable<StartVariable["allowed_file_upload_methods"]>) {
  const inputs = DEFAULT_APP.inputs.map((input) =>
    input.type === "file" ? { ...input, allowed_file_upload_methods: methods } : input,
  );
  return { apps: [{ ...DEFAULT_APP, inputs }] };
}

/** All that stands in the ledger, as text. */
async function everythingRemembered(): Promise<string> {
  const texts: string[] = [];
  for (const table of Object.values(schema)) {
    if (is(table, PgTable)) texts.push(JSON.stringify(await ledger.db.select().from(table)));
  }
  return texts.join("\n");
}

function listeningLog(): { readonly log: Log; readonly heard: () => string } {
  const lines: string[] = [];
  const write = (event: string, fields: object = {}) => void lines.push(`${event} ${JSON.stringify(fields)}`);
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return { log, heard: () => lines.join("\n") };
}

describe.each(PROFILES)("%s: a rule that sends a link", (profile) => {
  test("uploads nothing, and Dify fetches the file itself", async () => {
    const it = await bench({ dify: { profile } });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", submissions: 1, warning: null, linkRefused: false });
    expect(it.dify.books().uploads).toEqual([]);
    expect(it.dify.books().runs).toMatchObject([{ status: "succeeded", inputs: LINK }]);
    expect(
      it.fastio
        .books()
        .shares[0]?.files.map(({ name }) => name)
        .sort(),
    ).toEqual(["cleaned.csv", "report.md", "stats.json"]);
  });

  test("uploads when Dify cannot fetch it, within one workflow run, and the link is remembered nowhere", async () => {
    const { log, heard } = listeningLog();
    const it = await bench({ dify: { profile }, log });
    blockLinks(it);
    const { id } = await it.drop();
    await expectUpload(it, id, "blocked by SSRF protection");
    expect((await listAttempts(ledger.db, id)).map(({ step, outcome }) => `${step} ${outcome}`).slice(0, 4)).toEqual([
      "fetch done",
      "workflow later",
      "fetch done",
      "workflow done",
    ]);
    expect(heard()).not.toContain("token=");
    expect(await everythingRemembered()).not.toMatch(/token=|dl_[\w-]{20}/);
  });
});

function blockLinks({ dify }: Workbench): void {
  dify.addFault({ times: 0, action: { kind: "links_blocked" } });
}

/** One workflow run, by upload, with a warning that says why. */
async function expectUpload(it: Workbench, runId: string, why: string): Promise<void> {
  const { run } = await it.drive(runId);
  expect(run).toMatchObject({ status: "delivered", submissions: 1, linkRefused: true, errorCode: null });
  expect(run.warning).toContain("not sent by link but uploaded");
  expect(run.warning).toContain(why);
  expect(it.dify.books().runs).toMatchObject([{ status: "succeeded", inputs: UPLOAD }]);
  expect(it.dify.books().uploads).toHaveLength(1);
}

test.each([
  { name: "does not answer", status: 503, why: "Reached maximum retries (3) for URL" },
  { name: "tells nothing of the file", status: 403, why: "Detected file type does not match" },
])("a Fast.io that $name when Dify looks makes it an upload", async ({ status, why }) => {
  const it = await bench();
  it.fastio.addFault({ match: { method: "HEAD" }, times: 0, action: { kind: "status", status } });
  await expectUpload(it, (await it.drop()).id, why);
});

test("what was refused is in the ledger before anything else happens: a restart goes on with an upload", async () => {
  const it = await bench();
  blockLinks(it);
  const { id } = await it.drop();
  await it.turn(id);
  expect(await readRunRow(ledger.db, id)).toMatchObject({
    linkRefused: true,
    submittedAtMs: null,
    workflowRunId: null,
    difyUploadId: null,
  });
  expect(it.dify.books().runs).toEqual([]);
  it.dify.clearFaults();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", submissions: 1 });
  expect(it.dify.books().runs).toMatchObject([{ inputs: UPLOAD }]);
});

test("an app whose file variable takes no links is sent an upload at once", async () => {
  const it = await bench({ dify: appTaking(["local_file"]) });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", linkRefused: true });
  expect(run.warning).toBe("the file was not sent by link but uploaded: the app's file variable takes no links");
  expect(it.dify.books().requests["run"]).toBe(1);
});

test("an app that takes links only is not sent an upload", async () => {
  const it = await bench({ dify: appTaking(["remote_url"]), rule: { run: "send: upload" } });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "failed", errorCode: "dify_input_invalid", errorStep: "fetch" });
  expect(run.nextAction).toContain("send: url");
  expect(it.dify.books().uploads).toEqual([]);
});

test("a file too large for an upload goes by link; without a link it is refused before a byte is sent", async () => {
  const dify = { uploadLimits: MIB };
  const rows = "1,2\n".repeat(MIB / 4 + 1);
  const byLink = await bench({ dify });
  const linked = await byLink.drive((await byLink.drop("table.csv", rows)).id);
  expect(linked.run.status).toBe("delivered");

  const byUpload = await bench({ dify, rule: { run: "send: upload" } });
  const { run } = await byUpload.drive((await byUpload.drop("table.csv", rows)).id);
  expect(run).toMatchObject({ status: "failed", errorCode: "dify_file_refused", errorStep: "fetch" });
  expect(run.nextAction).toContain("send: url");
  expect(byUpload.dify.books().requests["upload"] ?? 0).toBe(0);
});

test("a link that would end before the rule's time is not sent", async () => {
  const it = await bench({ rule: { run: "send: url, timeout: 3h" } });
  const { run } = await it.drive((await it.drop()).id);
  expect(run).toMatchObject({ status: "delivered", linkRefused: true });
  expect(run.warning).toContain("would end before the time that the rule allows");
  expect(it.dify.books().runs).toMatchObject([{ inputs: UPLOAD }]);
});

test("a run that was started is followed again without a new link", async () => {
  const it = await bench();
  it.dify.addFault({ match: { method: "POST", path: "/workflows/run" }, action: { kind: "drop", when: "after" } });
  const { run } = await it.drive((await it.drop()).id);
  expect(run).toMatchObject({ status: "delivered", submissions: 1, linkRefused: false, warning: null });
  expect(requestsTo(it, "requestread")).toBe(1);
  expect(it.dify.books().runs).toMatchObject([{ inputs: LINK }]);
});

test("a submission by link that left no trace is followed by one with an upload", async () => {
  const it = await bench({ policy: { absentAfterMs: 300 } });
  it.dify.addFault({ match: { method: "POST", path: "/workflows/run" }, action: { kind: "drop", when: "before" } });
  const { run } = await it.drive((await it.drop()).id);
  expect(run).toMatchObject({ status: "delivered", submissions: 2, linkRefused: true });
  expect(run.warning).toContain("an earlier try left no trace in Dify");
  expect(it.dify.books().runs).toMatchObject([{ inputs: UPLOAD }]);
});

test("a workflow that loses the link at work is not started again by itself; a replay uploads", async () => {
  const it = await bench();
  it.fastio.addFault({ match: { method: "GET", path: "/read/?token" }, action: { kind: "status", status: 401 } });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "failed", errorCode: "dify_run_failed", linkRefused: true });
  expect(run.nextAction).toContain("replay");
  expect(it.dify.books().runs).toHaveLength(1);
  expect(await everythingRemembered()).not.toContain("token=");

  await replayRun(ledger.db, id, Date.now());
  const replayed = await it.drive(id);
  expect(replayed.run).toMatchObject({ status: "delivered", warning: null });
  expect(it.dify.books().runs).toMatchObject([{ inputs: LINK }, { inputs: UPLOAD }]);
});

test("a workflow may hand on the file it was given by link", async () => {
  const work = async ({ inputs }: { readonly inputs: Readonly<Record<string, unknown>> }) => ({
    same: inputs["document"],
  });
  const it = await bench({ dify: { apps: [{ ...DEFAULT_APP, work }] } });
  const { id } = await it.drop("table.csv", "a,b\n1,2\n");
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", errorMessage: null });
  expect(await listOutputs(ledger.db, id)).toMatchObject([{ kind: "file", name: "table.csv", size: 8 }]);
  expect(await everythingRemembered()).not.toContain("token=");
});

test("a link in the dialect of the guide is sent as well", async () => {
  const it = await bench({ fastio: { dialects: "guide" } });
  const { run } = await it.drive((await it.drop()).id);
  expect(run).toMatchObject({ status: "delivered", linkRefused: false });
  expect(it.dify.books().runs).toMatchObject([{ inputs: LINK }]);
});
