import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tellEndings } from "../../../../queues/receipts/tell-endings.ts";
import { systemClock } from "../../../../src/clock.ts";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import type { FastioNode } from "../../../../src/fastio/types.ts";
import { findReceipt } from "../../../../src/ledger/receipts.ts";
import { replayRun } from "../../../../src/ledger/replay-run.ts";
import { events, receipts, runs } from "../../../../src/ledger/schema.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { makeUploadShare, uploadIntoShare } from "../../../support/share-upload.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const signal = new AbortController().signal;

const bench = (receipt: "comment" | "note", options: WorkbenchOptions = {}): Promise<Workbench> =>
  openWorkbench(ledger.db, { ...options, rule: { deliver: `receipt: ${receipt}`, ...options.rule } });

const tell = ({ db, upstreams }: Workbench) =>
  tellEndings({ db, clock: systemClock, log: silentLog, fastio: upstreams.fastio }, signal);

const FAILING = {
  apps: [
    {
      ...DEFAULT_APP,
      work: async () => {
        throw new Error("the model is out of ideas");
      },
    },
  ],
};

describe("a comment", () => {
  test("tells what ran, how long, for how many tokens, and where the result is", async () => {
    const it = await bench("comment");
    const { run } = await it.drive((await it.drop()).id);
    await tell(it);
    const [comment, ...others] = it.fastio.books().comments;
    expect(others).toEqual([]);
    expect(comment?.body).toBe(
      `${it.rule.name}: done in ${secondsOf(run)} s, ${run.totalTokens} tokens\n${run.shareUrl}\nRun ${run.id}`,
    );
    expect((await readRunRow(it.db, run.id)).warning).toBeNull();
  });

  test("tells why a run failed, and after its replay that it was done", async () => {
    const it = await bench("comment", { dify: FAILING });
    const { run } = await it.drive((await it.drop()).id);
    expect(run.status).toBe("failed");
    await tell(it);
    expect(it.fastio.books().comments[0]?.body).toMatch(/: failed in \d+ s.*\n.*out of ideas/s);
    await replayRun(it.db, run.id, Date.now());
    await tell(it);
    expect(it.fastio.books().comments[0]?.body).toMatch(/: failed/);
    await it.db
      .update(runs)
      .set({ status: "cancelled", queue: null, finishedAtMs: Date.now() })
      .where(eq(runs.id, run.id));
    await tell(it);
    expect(it.fastio.books().comments).toMatchObject([{ body: expect.stringMatching(/: cancelled in/) }]);
  });

  test("is looked for before it is made: a worker that died in between leaves no second one", async () => {
    const it = await bench("comment");
    const { run } = await it.drive((await it.drop()).id);
    await tell(it);
    // As if it had died right after the call.
    const undone = { state: "waiting" as const, commentId: null, dueAtMs: 0 };
    await it.db.update(receipts).set(undone).where(eq(receipts.runId, run.id));
    await tell(it);
    expect(it.fastio.books().comments).toHaveLength(1);
    expect(await findReceipt(it.db, run.id)).toMatchObject({ state: "done", commentId: expect.any(String) });
  });

  test("that cannot be written is a warning on a run that stays delivered", async () => {
    const it = await bench("comment", { fastio: { hiddenRoutes: ["/comments/"] } });
    const { run } = await it.drive((await it.drop()).id);
    await tell(it);
    expect(await readRunRow(it.db, run.id)).toMatchObject({
      status: "delivered",
      warning: expect.stringMatching(/no receipt was left .*this server has no comments.*receipt: note/),
    });
  });

  test.each([
    { asks: "nothing", headers: {} },
    { asks: "no wait", headers: { "retry-after": "0" } },
  ])("is tried again while Fast.io is away and asks for $asks", async ({ headers }) => {
    const it = await bench("comment");
    const { run } = await it.drive((await it.drop()).id);
    it.fastio.addFault({
      match: { method: "POST", path: "/comments/" },
      action: { kind: "status", status: 503, body: {}, headers },
      times: 1,
    });
    await tell(it);
    const waiting = await findReceipt(it.db, run.id);
    expect(waiting).toMatchObject({ state: "waiting", failures: 1, commentId: null });
    expect(waiting?.dueAtMs).toBeGreaterThan(Date.now());
    await it.db.update(receipts).set({ dueAtMs: 0 }).where(eq(receipts.runId, run.id));
    await tell(it);
    expect(it.fastio.books().comments).toHaveLength(1);
  });
});

describe("a note", () => {
  test("lies beside the source, starts nothing, and a replay brings it up to date", async () => {
    const it = await bench("note", { rule: { deliver: "receipt: note" } });
    const { id } = await it.drop("lease [a](b).csv");
    const { run } = await it.drive(id);
    await tell(it);
    const [note, ...others] = it.fastio.books().notes;
    expect(others).toEqual([]);
    expect(note).toMatchObject({ path: `/Inbox/lease [a](b).csv – receipt ${id.slice(0, 8)}.md`, versions: 1 });
    const noteId = note?.id ?? "";
    const { content } = await it.upstreams.fastio.readNote(it.fastio.workspaceId, noteId, undefined, signal);
    expect(content).toContain(`# lease \\[a\\](b).csv: delivered\n\n${run.shareUrl}\n`);
    expect(content).toMatch(/- Outputs: cleaned\.csv, report\.md, stats\.json\n/);

    // Even if nobody knew who had done it.
    const key = await it.route(noteId);
    const [event] = await it.db.select().from(events).where(eq(events.key, key));
    expect(event).toMatchObject({ status: "ignored", reasons: { "*": "the relay wrote this receipt itself" } });

    await replayRun(it.db, id, Date.now());
    await it.drive(id);
    await tell(it);
    expect(it.fastio.books().notes).toMatchObject([{ id: noteId, versions: 2 }]);
  });

  test("is found again by its name when its maker died", async () => {
    const it = await bench("note");
    const { run } = await it.drive((await it.drop()).id);
    await tell(it);
    const undone = { state: "waiting" as const, nodeId: null, dueAtMs: 0 };
    await it.db.update(receipts).set(undone).where(eq(receipts.runId, run.id));
    await tell(it);
    expect(it.fastio.books().notes).toHaveLength(1);
  });

  test("is not left where the source is gone, and that is all that comes of it", async () => {
    const it = await bench("note");
    const { run } = await it.drive((await it.drop()).id);
    await it.upstreams.fastio.purgeNode(it.fastio.workspaceId, run.nodeId, signal);
    await tell(it);
    expect(await findReceipt(it.db, run.id)).toMatchObject({ state: "given_up" });
    expect((await readRunRow(it.db, run.id)).status).toBe("delivered");
  });
});

describe("of what people uploaded into a share of their own", () => {
  /** A delivered run whose file lies in the storage of a share. */
  async function uploaded(kind: "comment" | "note", shareId?: string) {
    const it = await bench(kind);
    const { run } = await it.drive((await it.drop()).id);
    const share = await makeUploadShare(it.fastio, `box-${run.id.slice(0, 8)}`);
    await uploadIntoShare(it.fastio, share, "offer.csv", "a,b\n1,2\n");
    const files: FastioNode[] = [];
    for await (const node of it.upstreams.fastio.listFolder({ shareId: share }, "root", signal)) files.push(node);
    const nodeId = files[0]?.id ?? "";
    await it.db
      .update(runs)
      .set({ sourceShareId: shareId ?? share, nodeId })
      .where(eq(runs.id, run.id));
    return { it, run, nodeId, share };
  }

  test("a comment stands on the file in the share", async () => {
    const { it, run, nodeId, share } = await uploaded("comment");
    await tell(it);
    const comments: string[] = [];
    for await (const { body } of it.upstreams.fastio.listComments({ shareId: share }, nodeId, signal))
      comments.push(body);
    expect(comments).toEqual([expect.stringMatching(new RegExp(`Run ${run.id}$`))]);
    expect(await readRunRow(it.db, run.id)).toMatchObject({ status: "delivered", warning: null });
  });

  test("a note lies beside the file in the share, once", async () => {
    const { it, run, share } = await uploaded("note");
    await tell(it);
    const undone = { state: "waiting" as const, nodeId: null, dueAtMs: 0 };
    await it.db.update(receipts).set(undone).where(eq(receipts.runId, run.id));
    await tell(it);
    const notes: string[] = [];
    for await (const { kind, name } of it.upstreams.fastio.listFolder({ shareId: share }, "root", signal))
      if (kind === "note") notes.push(name);
    expect(notes).toEqual([expect.stringContaining(`receipt ${run.id.slice(0, 8)}.md`)]);
    expect(await readRunRow(it.db, run.id)).toMatchObject({ status: "delivered", warning: null });
  });

  test.each(["comment", "note"] as const)(
    "a %s in a share that is gone is given up at once, with one warning",
    async (kind) => {
      const { it, run } = await uploaded(kind, "4999999999999999999");
      await tell(it);
      await tell(it);
      expect(await findReceipt(it.db, run.id)).toMatchObject({ state: "given_up", failures: 1 });
      const { status, warning } = await readRunRow(it.db, run.id);
      expect(status).toBe("delivered");
      expect(warning?.match(/no receipt was left beside the source/g)).toHaveLength(1);
    },
  );
});

test("what ended long before is no news", async () => {
  const it = await bench("comment");
  const { run } = await it.drive((await it.drop()).id);
  await it.db
    .update(runs)
    .set({ finishedAtMs: Date.now() - 2 * 86_400_000 })
    .where(eq(runs.id, run.id));
  await tell(it);
  expect(it.fastio.books().comments).toEqual([]);
  expect(await findReceipt(it.db, run.id)).toBeUndefined();
});

const secondsOf = ({ createdAtMs, finishedAtMs }: { createdAtMs: number; finishedAtMs: number | null }): number =>
  Math.round(((finishedAtMs ?? 0) - createdAtMs) / 1_000);
