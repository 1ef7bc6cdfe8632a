import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReadRuns } from "../../../../handlers/read-runs.ts";
import { replayRun } from "../../../../handlers/replay-run.ts";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import type { Observation } from "../../../../src/emulators/kit/server.ts";
import { type RunRow, runs } from "../../../../src/ledger/schema.ts";
import { openTestLedger, readRunRow, replayDeps, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const signal = new AbortController().signal;
const GUESTS = '"guest@example.com", "legal@example.com"';

type Rule = NonNullable<WorkbenchOptions["rule"]>;
type Work = () => Record<string, unknown>;

async function bench(rule: Rule, work: Work, fastio: WorkbenchOptions["fastio"] = {}): Promise<Workbench> {
  return openWorkbench(ledger.db, {
    fastio,
    dify: { apps: [{ ...DEFAULT_APP, work: async () => work() }] },
    rule,
  });
}

const KINDS: readonly { readonly kind: string; readonly rule: Rule; readonly dialects?: "guide" }[] = [
  { kind: "share of a folder", rule: { deliver: `access: named, invite: [${GUESTS}], expires: 7d, storage: folder` } },
  {
    kind: "share with storage of its own",
    rule: { deliver: `invite: [${GUESTS}], expires: 30d, password: SHARE_PASSWORD` },
  },
  { kind: "drop-off", rule: { as: "drop-off", folder: "unsaid", deliver: `invite: [${GUESTS}]` } },
  {
    kind: "drop-off on a server of the guide",
    rule: { as: "drop-off", folder: "unsaid", deliver: `invite: [${GUESTS}]` },
    dialects: "guide",
  },
  { kind: "folder", rule: { as: "workspace" } },
  { kind: "file share", rule: { as: "file-share", deliver: `access: named, invite: [${GUESTS}], expires: 30d` } },
];

/** Files the relay made, folders, links and invitations: what could have come out double. */
async function effectsOf(it: Workbench): Promise<object> {
  const books = it.fastio.books();
  const placed = books.files.filter(({ path }) => !path.startsWith("/Inbox/"));
  const links = await it.upstreams.fastio.listFileShares(it.fastio.workspaceId, signal);
  return {
    files: placed.map(({ name, versions }) => ({ name, versions: versions.length })),
    folders: new Set(placed.map(({ workspaceId, path }) => workspaceId + path.slice(0, path.lastIndexOf("/")))).size,
    links: books.shares.length + links.length,
    invited: [
      ...books.invitations.map(({ email }) => email),
      ...(await Promise.all(links.map(({ id }) => it.upstreams.fastio.listFileShareGrants(id, signal))))
        .flat()
        .map(({ email }) => email),
    ].sort(),
  };
}

describe("a worker that dies after each single effect", () => {
  test.each(KINDS)("delivers once: a $kind", async ({ rule, dialects }) => {
    const struck = new Set<string>();
    let worker = new AbortController();
    /** Once for each kind of change, after Fast.io has made it and before the relay hears of it. */
    const observe = ({ phase, method, path }: Observation): void => {
      const change = `${method} ${path.replace(/[0-9a-z-]{11,}|%40|[^/]*@[^/]*/g, "…")}`;
      if (phase !== "after" || method === "GET" || !delivering || struck.has(change)) return;
      struck.add(change);
      worker.abort(new Error("died"));
    };
    let delivering = false;
    const it = await bench(rule, () => ({ report: "# Sales\n" }), {
      observe,
      ...(dialects === undefined ? {} : { dialects }),
    });
    const { id } = await it.drop();
    await it.driveToShares(id);
    delivering = true;
    let run = await readRunRow(ledger.db, id);
    for (let turns = 0; run.queue !== null && turns < 40; turns++) {
      worker = new AbortController();
      await it.turn(id, worker.signal);
      run = await readRunRow(ledger.db, id);
    }
    delivering = false;
    expect(run).toMatchObject({ status: "delivered", failures: 0, warning: null });
    expect(struck.size).toBeGreaterThanOrEqual(3);
    const isShareless = rule.as === "workspace";
    expect(await effectsOf(it)).toEqual({
      files: [{ name: "report.md", versions: 1 }],
      folders: 1,
      links: isShareless ? 0 : 1,
      invited: isShareless ? [] : ["guest@example.com", "legal@example.com"],
    });
  });
});

describe("a link that is gone before everybody was invited", () => {
  const LINKS = KINDS.filter(({ rule }) => rule.as !== "workspace");
  const NOT_THERE = { result: false, error: { code: 1609, text: "Not found." } };
  /** Where people are let in. */
  const doorOf = ({ as }: Rule): string => (as === "file-share" ? "/grants/" : "/members/");

  async function deleteLink(it: Workbench, { as }: Rule, runId: string): Promise<void> {
    const { shareId } = await readRunRow(ledger.db, runId);
    const { fastio } = it.upstreams;
    if (shareId === null) throw new Error("there is no link yet");
    await (as === "file-share" ? fastio.deleteFileShare(shareId, signal) : fastio.deleteShare(shareId, signal));
  }

  /** Brought to where Fast.io cannot do what is asked of it there; then somebody deletes the link. */
  async function withoutLink(it: Workbench, rule: Rule, path: string): Promise<RunRow> {
    const { id } = await it.drop();
    await it.driveToShares(id);
    it.fastio.addFault({ match: { path }, times: 3, action: { kind: "status", status: 503 } });
    await it.turn(id);
    await deleteLink(it, rule, id);
    return (await it.drive(id)).run;
  }

  const ONCE = {
    files: [{ name: "report.md", versions: 1 }],
    folders: 1,
    links: 1,
    invited: ["guest@example.com", "legal@example.com"],
  };

  test.each(LINKS)("was only unknown for a moment: a $kind", async ({ rule, dialects }) => {
    const it = await bench(rule, () => ({ report: "# Sales\n" }), dialects === undefined ? {} : { dialects });
    const { id } = await it.drop();
    await it.driveToShares(id);
    const action = { kind: "status", status: 404, body: NOT_THERE } as const;
    it.fastio.addFault({ match: { path: doorOf(rule) }, times: 1, action });
    expect((await it.drive(id)).run).toMatchObject({ status: "delivered", errorCode: null });
    expect(await effectsOf(it)).toEqual(ONCE);
  });

  test.each(LINKS.filter(({ kind }) => kind !== "share with storage of its own"))(
    "is made anew, since the files still stand: a $kind",
    async ({ rule, dialects }) => {
      const it = await bench(rule, () => ({ report: "# Sales\n" }), dialects === undefined ? {} : { dialects });
      expect(await withoutLink(it, rule, doorOf(rule))).toMatchObject({ status: "delivered", errorCode: null });
      expect(await effectsOf(it)).toEqual(ONCE);
    },
  );

  const OWN: Rule = { deliver: `storage: own, invite: [${GUESTS}]` };

  test("is made anew while it holds nothing: a share with storage of its own", async () => {
    const it = await bench(OWN, () => ({ report: "# Sales\n" }));
    expect(await withoutLink(it, OWN, "/list/")).toMatchObject({ status: "delivered", errorCode: null });
    expect(await effectsOf(it)).toEqual(ONCE);
  });

  test("is not made anew empty when it took the outputs along: a share with storage of its own", async () => {
    const it = await bench(OWN, () => ({ report: "# Sales\n" }));
    const run = await withoutLink(it, OWN, doorOf(OWN));
    expect(run).toMatchObject({ status: "failed", errorCode: "output_missing" });
    expect(run.nextAction).toContain("replay");
    expect(it.fastio.books().shares).toEqual([]);
  });
});

describe("a link whose maker died before he could write it down", () => {
  test.each([
    {
      kind: "share with storage of its own",
      rule: { deliver: "storage: own" },
      made: "/create/share/",
      holds: /0 of 1/,
    },
    { kind: "file share", rule: { as: "file-share" }, made: "/create/fileshare/", holds: /its outputs delivered/ },
  ])("is told of when the run is cancelled: a $kind", async ({ rule, made, holds }) => {
    const worker = new AbortController();
    const observe = ({ phase, path }: Observation): void => {
      if (phase === "after" && path.endsWith(made)) worker.abort(new Error("died"));
    };
    const it = await bench(rule, () => ({ report: "# Sales\n" }), { observe });
    const { id } = await it.drop();
    await it.driveToShares(id);
    await it.turn(id, worker.signal);
    expect(await readRunRow(ledger.db, id)).toMatchObject({ status: "delivering", shareId: null });

    await ledger.db.update(runs).set({ cancelAskedAtMs: Date.now() }).where(eq(runs.id, id));
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "cancelled", shareUrl: expect.stringMatching(/^http/) });
    expect(JSON.stringify(run)).toMatch(holds);
    expect(await effectsOf(it)).toMatchObject({ links: 1 });
  });
});

describe("a replay", () => {
  const replay = async (it: Workbench, id: string): Promise<RunRow> => {
    expect(await replayRun(replayDeps(ledger.db))(id, { actor: "operator" })).toMatchObject({ kind: "replayed" });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered", errorCode: null });
    return run;
  };

  test.each(KINDS)("brings the same $kind up to date", async ({ rule, dialects }) => {
    let turn = 0;
    const it = await bench(
      rule,
      () => ({ report: `# Sales, ${++turn}\n` }),
      dialects === undefined ? {} : { dialects },
    );
    const { id } = await it.drop();
    const { run: first } = await it.drive(id);
    const before = await effectsOf(it);
    const second = await replay(it, id);
    expect(second).toMatchObject({
      shareId: first.shareId,
      shareUrl: first.shareUrl,
      folderNodeId: first.folderNodeId,
    });
    expect(second.warning).toBeNull();
    if (first.shareExpiresAtMs !== null) expect(second.shareExpiresAtMs).toBeGreaterThanOrEqual(first.shareExpiresAtMs);
    expect(await effectsOf(it)).toEqual({ ...before, files: [{ name: "report.md", versions: 2 }] });
  });

  test("with the same result adds no version", async () => {
    const it = await bench({}, () => ({ report: "# Sales\n" }));
    const { id } = await it.drop();
    await it.drive(id);
    await replay(it, id);
    expect(await effectsOf(it)).toMatchObject({ files: [{ name: "report.md", versions: 1 }], links: 1 });
  });

  test("leaves what it makes no more, and tells of it", async () => {
    let turn = 0;
    const it = await bench({}, () => (++turn === 1 ? { report: "# Sales\n", extra: "once" } : { report: "# More\n" }));
    const { id } = await it.drop();
    await it.drive(id);
    await replay(it, id);
    expect(await effectsOf(it)).toMatchObject({
      files: [
        { name: "report.md", versions: 2 },
        { name: "extra.txt", versions: 1 },
      ],
    });
    expect(await createReadRuns(ledger.db).story(id)).toMatchObject({ kept: ["extra.txt"], deliveredAs: "share" });
    // A third delivery that makes it again has nothing left to tell.
    turn = 0;
    await replay(it, id);
    expect(await createReadRuns(ledger.db).story(id)).toMatchObject({ kept: [] });
  });

  test("of a file share keeps its link though the output has another name", async () => {
    let turn = 0;
    const it = await bench({ as: "file-share" }, () => ({ [`report_${++turn}`]: `# Sales, ${turn}\n` }));
    const { id } = await it.drop();
    const { run: first } = await it.drive(id);
    const second = await replay(it, id);
    expect(second.shareUrl).toBe(first.shareUrl);
    expect(await effectsOf(it)).toMatchObject({ files: [{ name: "report_1.md", versions: 2 }], links: 1 });
  });

  test("does not open what people have closed since", async () => {
    const it = await bench({}, () => ({ report: "# Sales\n" }));
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    const shareId = run.shareId ?? "";
    await it.upstreams.fastio.updateShare(shareId, { access: "named" }, signal);
    await replay(it, id);
    expect(await it.upstreams.fastio.readShare(shareId, signal)).toMatchObject({ access: "named" });
  });

  test.each([
    { how: "made for named people only", change: { access: "named" } },
    { how: "put behind a password", change: { password: "theirs" } },
  ] as const)("leaves a file link as people have $how since", async ({ change }) => {
    const it = await bench({ as: "file-share", deliver: "access: link" }, () => ({ report: "# Sales\n" }));
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    const shareId = run.shareId ?? "";
    const readAsStranger = async () => (await fetch(`${it.fastio.apiUrl}/fileshare/${shareId}/storage/read/`)).status;
    expect(await readAsStranger()).toBe(200);
    await it.upstreams.fastio.updateFileShare(shareId, change, signal);
    const closed = await readAsStranger();
    expect(closed).not.toBe(200);
    expect(await replay(it, id)).toMatchObject({ shareId });
    expect(await readAsStranger()).toBe(closed);
  });

  test("opens a link again that the relay has closed", async () => {
    const it = await bench({ deliver: "expires: 7d, storage: folder" }, () => ({ report: "# Sales\n" }));
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    await it.upstreams.fastio.deleteShare(run.shareId ?? "", signal);
    const closed = {
      shareClosedAtMs: 1,
      shareCloseAskedAtMs: 1,
      shareCloseAskedBy: "operator",
      shareCloseReason: "no",
    };
    await ledger.db.update(runs).set(closed).where(eq(runs.id, id));
    const again = await replay(it, id);
    expect(again).toMatchObject({ shareUrl: run.shareUrl, shareClosedAtMs: null, shareCloseAskedAtMs: null });
    expect(again.shareExpiresAtMs).toBeGreaterThanOrEqual(run.shareExpiresAtMs ?? 0);
    expect(it.fastio.books().shares).toMatchObject([{ files: [{ name: "report.md" }] }]);
  });

  test("gives the link back to outputs whose folder somebody deleted", async () => {
    let turn = 0;
    const it = await bench({}, () => ({ report: `# Sales, ${++turn}\n` }));
    const { id } = await it.drop();
    const { run: first } = await it.drive(id);
    await it.upstreams.fastio.deleteNode(it.fastio.workspaceId, first.folderNodeId ?? "", signal);
    const second = await replay(it, id);
    expect(second.folderNodeId).not.toBe(first.folderNodeId);
    expect(second.shareUrl).toBe(first.shareUrl);
    expect(it.fastio.books().shares).toMatchObject([{ files: [{ name: "report.md" }] }]);
  });
});
