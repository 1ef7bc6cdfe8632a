import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../../src/emulators/fastio/defaults.ts";
import { idKey } from "../../../../src/emulators/fastio/protocol/ids.ts";
import { findEvent } from "../../../../src/ledger/event-queries.ts";
import { listOutputs } from "../../../../src/ledger/outputs.ts";
import { outputs, runs } from "../../../../src/ledger/schema.ts";
import { shareNameOf } from "../../../../src/run-id.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const GUEST = "guest@example.com";
const INVITE = `access: named, invite: ["${GUEST}", "LEGAL@example.com"], message: "Ready."`;

const bench = (options: WorkbenchOptions = {}): Promise<Workbench> =>
  openWorkbench(ledger.db, { ...options, rule: { deliver: INVITE, ...options.rule } });

/** The promise of every test here: each effect once, however often it was tried. */
async function expectEachEffectOnce({ fastio }: Workbench, runId: string): Promise<void> {
  const run = await readRunRow(ledger.db, runId);
  expect(run).toMatchObject({ status: "delivered", queue: null, errorCode: null, failures: 0 });
  const books = fastio.books();
  expect(books.shares).toHaveLength(1);
  const [share] = books.shares;
  expect(share).toMatchObject({
    id: run.shareId,
    url: run.shareUrl,
    customName: shareNameOf(runId),
    title: "Results for table.csv",
  });
  expect(idKey(share?.folderNodeId ?? "")).toBe(run.folderNodeId);
  expect(share?.files.map(({ name }) => name).sort()).toEqual(["cleaned.csv", "report.md", "stats.json"]);
  expect(books.invitations.map(({ email }) => email).sort()).toEqual([GUEST, "legal@example.com"]);
  expect(run.invited).toEqual([GUEST, "legal@example.com"]);

  const placed = books.files.filter(({ path }) => path.startsWith("/Outputs/"));
  expect(placed.map(({ versions }) => versions.length)).toEqual([1, 1, 1]);
  // One folder for the run: all outputs stand beside each other.
  expect(new Set(placed.map(({ path }) => path.slice(0, path.lastIndexOf("/")))).size).toBe(1);
  const rows = await listOutputs(ledger.db, runId);
  expect(rows.map(({ nodeId }) => nodeId).sort()).toEqual(placed.map(({ id }) => idKey(id)).sort());
  // Texts leave the ledger once they are in Fast.io.
  expect(rows.map(({ content }) => content)).toEqual([null, null, null]);
}

const EFFECTS = [
  { effect: "the folder", dialect: "reference", path: "/createfolder/" },
  { effect: "a text's upload session", dialect: "reference", path: "/^/current/upload/$/" },
  { effect: "the completion of an upload", dialect: "reference", path: "/complete/" },
  { effect: "a placed file", dialect: "reference", path: "/addfile/" },
  { effect: "the share", dialect: "reference", path: "/create/share/" },
  { effect: "an invitation", dialect: "reference", path: "/members/" },
  { effect: "the folder", dialect: "guide", path: "/createfolder/" },
  { effect: "a placed file", dialect: "guide", path: "/add-file/" },
  { effect: "the share", dialect: "guide", path: "/share/create/" },
  { effect: "an invitation", dialect: "guide", path: "/members/" },
] as const;

describe.each(["after", "before"] as const)("the connection is dropped %s the effect", (when) => {
  test.each(EFFECTS)("$effect is there once ($dialect)", async ({ dialect, path }) => {
    const it = await bench({ fastio: { dialects: dialect } });
    const { id } = await it.drop();
    await it.driveToShares(id);
    it.fastio.addFault({ match: { method: "POST", path }, times: 2, action: { kind: "drop", when } });
    await it.drive(id);
    await expectEachEffectOnce(it, id);
  });
});

describe("the same job done again", () => {
  /** What the run knew at some moment is put back, as if the process had died before it could write more. */
  const forget = async (it: Workbench, id: string, what: Partial<typeof runs.$inferInsert>): Promise<void> => {
    await ledger.db
      .update(runs)
      .set({ ...what, queue: "shares", status: "delivering", finishedAtMs: null })
      .where(eq(runs.id, id));
    await it.drive(id);
  };

  test.each<{ name: string; what: Partial<typeof runs.$inferInsert>; outputsToo?: boolean }>([
    { name: "when nothing was forgotten", what: {} },
    { name: "when the share was not written down", what: { shareId: null, shareUrl: null, shareReadyAtMs: null } },
    { name: "when the invitations were not written down", what: { invited: [] } },
    { name: "when the placed files were not written down", what: {}, outputsToo: true },
    { name: "when the folder was not written down", what: { folderNodeId: null } },
    {
      name: "when nothing at all was written down",
      what: { folderNodeId: null, shareId: null, shareUrl: null, shareReadyAtMs: null, invited: [] },
      outputsToo: true,
    },
  ])("makes nothing twice $name", async ({ what, outputsToo = false }) => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    const collected = await listOutputs(ledger.db, id);
    await it.drive(id);
    await expectEachEffectOnce(it, id);
    if (outputsToo) {
      for (const { ordinal, content } of collected) {
        await ledger.db
          .update(outputs)
          .set({ nodeId: null, placedAtMs: null, content })
          .where(and(eq(outputs.runId, id), eq(outputs.ordinal, ordinal)));
      }
    }
    await forget(it, id, what);
    await expectEachEffectOnce(it, id);
  });

  test("two runs of one file name have folders and shares of their own", async () => {
    const it = await bench();
    const first = await it.drop("table.csv");
    await it.drive(first.id);
    const second = await it.drop("table.csv", "a,b\n3,4\n");
    await it.drive(second.id);
    expect(second.id).not.toBe(first.id);
    const { shares } = it.fastio.books();
    expect(new Set(shares.map(({ folderNodeId }) => folderNodeId)).size).toBe(2);
    expect(shares.map(({ files }) => files.length)).toEqual([3, 3]);
  });
});

test("a folder on the way that somebody removed a moment ago is made anew", async () => {
  const it = await bench();
  const first = await it.drop("first.csv");
  await it.drive(first.id);
  const { fastio } = it.upstreams;
  const { workspaceId } = it.fastio;
  const { signal } = new AbortController();
  for await (const { id, name } of fastio.listFolder(workspaceId, "root", signal))
    if (name === "Outputs") await fastio.deleteNode(workspaceId, id, signal);
  const second = await it.drop("second.csv", "a,b\n3,4\n");
  expect(await it.drive(second.id)).toMatchObject({ run: { status: "delivered", failures: 0 } });
  const there = it.fastio.books().files.filter(({ path }) => path.startsWith("/Outputs/"));
  expect(there.map(({ path }) => path.includes("second.csv"))).toEqual([true, true, true]);
});

test("a share of this name that shows something else fails the run clearly", async () => {
  const it = await bench();
  const { id } = await it.drop();
  const signal = new AbortController().signal;
  const { fastio } = it.upstreams;
  const other = await fastio.createFolder({ workspaceId: it.fastio.workspaceId, parentId: "root" }, "Other", signal);
  const taken = await fastio.createShare(
    {
      workspaceId: it.fastio.workspaceId,
      title: "Somebody else's",
      customName: shareNameOf(id),
      type: "send",
      folderNodeId: other.id,
      access: "named",
    },
    signal,
  );
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "failed", errorCode: "conflict", errorStep: "share", shareId: null });
  expect(run.errorMessage).toContain(shareNameOf(id));
  expect(run.nextAction).toMatch(/rename or delete/);
  expect(it.fastio.books()).toMatchObject({ shares: [{ id: taken.id }], invitations: [] });
});

describe("invitations", () => {
  /** No member of the workspace, so nobody knows the address. */
  const STRANGER = "1999999999999999999";

  test.each([
    { who: "named by the event", actorUserId: FASTIO_EMULATOR_DEFAULTS.personUserId },
    { who: "known from the file alone", actorUserId: undefined },
  ])("whoever dropped the file is invited, $who", async ({ actorUserId }) => {
    const it = await bench({ rule: { deliver: `access: named, invite: ["{{ event.actor.email }}"]` } });
    const { id } = await it.drop("table.csv", "a,b\n1,2\n", actorUserId);
    const { run } = await it.drive(id);
    const email = FASTIO_EMULATOR_DEFAULTS.personEmail;
    expect(run).toMatchObject({ status: "delivered", invited: [email], warning: null });
    expect(it.fastio.books().shares[0]?.members).toContainEqual({ email, status: "active", permissions: "view" });
  });

  test("what gives no address is told in a warning, and the others are invited", async () => {
    const it = await bench({ rule: { deliver: `access: named, invite: ["{{ event.actor.email }}", "${GUEST}"]` } });
    const { id } = await it.drop("table.csv", "a,b\n1,2\n", STRANGER);
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", invited: [GUEST] });
    expect(run.warning).toMatch(/event\.actor\.email/);
    expect(it.fastio.books().invitations).toMatchObject([{ email: GUEST }]);
  });

  test("an address that Fast.io refuses is told in a warning, and the others are invited", async () => {
    const it = await bench();
    const { id } = await it.drop();
    it.fastio.addFault({
      match: { method: "POST", path: "/members/" },
      action: { kind: "status", status: 400, body: { result: false, error: { code: 1605, text: "not allowed" } } },
    });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", invited: ["legal@example.com"] });
    expect(run.warning).toContain(GUEST);
    expect(it.fastio.books().shares).toHaveLength(1);
  });

  test("a warning from the workflow stays beside it", async () => {
    const it = await bench({ rule: { deliver: `access: named, invite: ["{{ event.actor.email }}"]` } });
    it.dify.addFault({ action: { kind: "partial" } });
    const { id } = await it.drop("table.csv", "a,b\n1,2\n", STRANGER);
    const { run } = await it.drive(id);
    expect(run.warning).toMatch(/partial/);
    expect(run.warning).toMatch(/event\.actor\.email/);
  });
});

describe("upload sessions that are lost before they are placed", () => {
  const lose = async (it: Workbench, id: string, kind: "text" | "file"): Promise<void> => {
    for (const output of await listOutputs(ledger.db, id)) {
      if (output.kind !== kind) continue;
      await ledger.db
        .update(outputs)
        .set({ uploadId: "5lost0lost0lost0lost0lost0lost" })
        .where(and(eq(outputs.runId, id), eq(outputs.ordinal, output.ordinal)));
    }
    expect(await it.upstreams.fastio.readUpload("5lost0lost0lost0lost0lost0lost", new AbortController().signal)).toBe(
      undefined,
    );
  };

  test("a text is uploaded again", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    await lose(it, id, "text");
    await it.drive(id);
    await expectEachEffectOnce(it, id);
  });

  test("a file fails the run clearly: Dify's copy can no longer be fetched", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    await lose(it, id, "file");
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "failed", errorCode: "upload_failed", errorStep: "place" });
    expect(run.errorMessage).toContain("cleaned.csv");
    expect(run.nextAction).toMatch(/replay/);
    expect(it.fastio.books().shares).toEqual([]);
  });
});

describe("upload sessions of what was placed", () => {
  test("are given back, so that no limit of them is ever reached", async () => {
    // One for the file, which stands until it is placed, and one for the texts.
    const it = await bench({ fastio: { sessionsPerUser: 2 } });
    for (const name of ["first.csv", "second.csv", "third.csv"]) {
      const { id } = await it.drop(name, `a,b\n${name},1\n`);
      expect(await it.drive(id)).toMatchObject({ run: { status: "delivered", failures: 0 } });
    }
    expect(it.fastio.books().uploads.filter(({ status }) => status === "complete")).toEqual([]);
  });

  test("are waited for while all are taken: no rule is paused for it, and no attempt burnt", async () => {
    const it = await bench({ fastio: { sessionsPerUser: 2 } });
    const [first, second, third] = [await it.drop("1.csv"), await it.drop("2.csv"), await it.drop("3.csv")];
    for (const { id } of [first, second]) await it.driveToShares(id);
    const waits = async (): Promise<number> => {
      const turn = await it.turn(third.id);
      return turn.kind === "later" ? turn.inMs : 0;
    };
    await expect.poll(waits, { interval: 1, timeout: 10_000 }).toBeGreaterThan(4_000);
    for (const { id } of [first, second, third])
      expect(await it.drive(id)).toMatchObject({ run: { status: "delivered", failures: 0 } });
  });

  test("that cannot be given back hold up no delivery", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    it.fastio.addFault({
      match: { method: "DELETE", path: "/upload/" },
      times: 20,
      action: { kind: "status", status: 403, body: { result: false, error: { code: 1680, text: "no" } } },
    });
    await it.drive(id);
    await expectEachEffectOnce(it, id);
  });
});

describe("Fast.io says no or not now", () => {
  test("a server error at each call is tried again, and nothing is made twice", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    for (const { path, dialect } of EFFECTS) {
      if (dialect !== "reference") continue;
      it.fastio.addFault({ match: { method: "POST", path }, action: { kind: "status", status: 500, body: "oops" } });
    }
    const { turns } = await it.drive(id);
    expect(turns.some(({ kind }) => kind === "threw")).toBe(true);
    await expectEachEffectOnce(it, id);
  });

  test("a rate limit is waited for and burns no attempt", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    it.fastio.addFault({
      match: { method: "POST", path: "/create/share/" },
      action: {
        kind: "status",
        status: 429,
        headers: { "retry-after": "7" },
        body: { result: false, error: { code: 1671 } },
      },
    });
    const { turns } = await it.drive(id);
    const waits = turns.filter((turn) => turn.kind === "later");
    expect(waits).toHaveLength(1);
    expect(waits[0]?.inMs).toBeGreaterThan(6_000);
    expect(turns.some(({ kind }) => kind === "threw")).toBe(false);
    await expectEachEffectOnce(it, id);
  });

  test("a plan that does not allow it holds the run, outputs and all", async () => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    it.fastio.addFault({
      match: { method: "POST", path: "/create/share/" },
      action: { kind: "status", status: 402, body: { result: false, error: { code: 1685, text: "limit" } } },
    });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "held", queue: null, errorCode: "plan_required", errorStep: "share" });
    expect(run.collectedAtMs).not.toBeNull();
  });
});

test("a file that somebody else puts into the folder of a run starts nothing", async () => {
  const it = await bench();
  const { id } = await it.drop();
  await it.drive(id);
  const [output] = it.fastio.books().files.filter(({ path }) => path.startsWith("/Outputs/"));
  const folder = output?.path.slice(0, output.path.lastIndexOf("/")) ?? "";
  const { nodeId } = await it.fastio.dropFile({ folder, name: "comment.csv", content: "a,b\n" });
  const key = await it.route(nodeId, FASTIO_EMULATOR_DEFAULTS.personUserId);
  expect(await findEvent(ledger.db, key)).toMatchObject({
    status: "ignored",
    reasons: { "*": "the relay placed this file itself" },
  });
});

test("a run without outputs is delivered as an empty share with a warning", async () => {
  const it = await bench({
    dify: {
      apps: [
        {
          ...DEFAULT_APP,
          work: async () => ({}),
        },
      ],
    },
  });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", warning: "the workflow returned no outputs" });
  expect(it.fastio.books().shares).toMatchObject([{ files: [] }]);
});

describe("the folder of the outputs", () => {
  const NOT_THERE = { result: false, error: { code: 1609, text: "The node was not found." } };

  test.each([
    { what: "listed", path: "/list/" },
    { what: "filled", path: "/addfile/" },
    { what: "shared", path: "/create/share/" },
  ])("may be unknown for a moment when it is $what", async ({ path }) => {
    const it = await bench();
    const { id } = await it.drop();
    await it.driveToShares(id);
    it.fastio.addFault({ match: { path }, action: { kind: "status", status: 404, body: NOT_THERE } });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", errorCode: null });
    expect(it.fastio.books().shares[0]?.files).toHaveLength(3);
  });

  /** Somebody deletes it, or the folder that it lies in, while Fast.io cannot do what is asked of it. */
  async function withoutFolder(it: Workbench, path: string, which: "its own" | "the one above"): Promise<string> {
    const { id } = await it.drop();
    await it.driveToShares(id);
    it.fastio.addFault({ match: { path }, times: 3, action: { kind: "status", status: 503 } });
    await it.turn(id);
    const signal = new AbortController().signal;
    const folder = await it.upstreams.fastio.readNode(
      it.fastio.workspaceId,
      (await readRunRow(ledger.db, id)).folderNodeId ?? "",
      signal,
    );
    const deletedId = which === "its own" ? folder.id : folder.parentId;
    await it.upstreams.fastio.deleteNode(it.fastio.workspaceId, deletedId, signal);
    return id;
  }

  test.each(["its own", "the one above"] as const)(
    "is made anew while nothing is in it: %s was deleted",
    async (which) => {
      const it = await bench();
      const id = await withoutFolder(it, "/list/", which);
      await it.drive(id);
      await expectEachEffectOnce(it, id);
    },
  );

  test.each(["its own", "the one above"] as const)(
    "is not handed to people empty when somebody deleted it with what was in it: %s",
    async (which) => {
      const it = await bench();
      const id = await withoutFolder(it, "/create/share/", which);
      const { run } = await it.drive(id);
      expect(run).toMatchObject({ status: "failed", errorCode: "output_missing" });
      expect(run.nextAction).toContain("replay");
      expect(it.fastio.books()).toMatchObject({ shares: [], invitations: [] });
    },
  );
});
