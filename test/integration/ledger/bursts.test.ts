import { eq, sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { listWaitingApps } from "../../../src/ledger/app-limits.ts";
import { closeBatches, splitBatch } from "../../../src/ledger/batches.ts";
import { findRun } from "../../../src/ledger/find-run.ts";
import { listUnqueuedRuns, markRunsQueued } from "../../../src/ledger/hand-overs.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { releaseFlood, releaseHeldRuns } from "../../../src/ledger/release-runs.ts";
import { leaveOut, listAllFiles, listFiles } from "../../../src/ledger/run-files.ts";
import { type RunRow, runs } from "../../../src/ledger/schema.ts";
import { hasNewer } from "../../../src/ledger/supersede.ts";
import { COUNTED_BACKLOG, callWaitingRuns, parkRuns, placesOf } from "../../../src/ledger/turns.ts";
import type { WantedRun } from "../../../src/ledger/wanted-run.ts";
import { deriveRunId } from "../../../src/run-id.ts";
import { createRuns } from "../../support/create-runs.ts";
import { claimRun } from "../../support/run-leases.ts";
import { SOON } from "../../support/soon.ts";
import { NOW_MS, runNamed } from "./intakes.ts";
import { databases, useLedger } from "./subjects.ts";

const ROUTED = { status: "routed", reasons: {} } as const;
const QUIET_MS = 10_000;
const MAX_FILES = 3;
const LATER_MS = NOW_MS + 1e7;
const LANES = 10;

const version = (nodeId: string, versionId: string, change: Partial<WantedRun> = {}): WantedRun =>
  runNamed(deriveRunId({ rule: "read-new-files", nodeId, versionId }), {
    nodeId,
    versionId,
    fileName: `${nodeId}.csv`,
    seenAtMs: NOW_MS,
    ...change,
  });

/** A file for a rule that gathers files. */
function batched(nodeId: string, versionId = "v1", change: Partial<WantedRun> = {}): WantedRun {
  const wanted = version(nodeId, versionId, change);
  const run = { ...wanted.rule.run, group: "batch", batch: { quietMs: QUIET_MS, maxFiles: MAX_FILES } } as const;
  return { ...wanted, rule: { ...wanted.rule, run } };
}

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);
  const db = (): Db => ledger().db;
  const make = (wanted: WantedRun, nowMs = NOW_MS, floodHold?: number) =>
    createRuns(db(), `ev-${wanted.id}`, [wanted], ROUTED, nowMs, floodHold);
  const makeOne = async (...given: Parameters<typeof make>): Promise<RunRow> => {
    const [run] = await make(...given);
    if (!run) throw new Error("nothing was made");
    return run;
  };
  const row = async (id: string): Promise<RunRow> => {
    const run = await findRun(db(), id);
    if (!run) throw new Error(`no run ${id}`);
    return run;
  };
  const change = (id: string, set: Partial<RunRow>) => db().update(runs).set(set).where(eq(runs.id, id));
  const filesOf = async (id: string) => (await listFiles(db(), id)).map(({ name: file }) => file);

  describe("versions of one file", () => {
    test("the newer one gets the run, and the older one that waits says why it was skipped", async () => {
      const old = await makeOne(version("a", "v1"));
      await claimRun(db(), old.id, "runs", { owner: "one", nowMs: NOW_MS, untilMs: LATER_MS });
      const fresh = await makeOne(version("a", "v2", { seenAtMs: NOW_MS + 5 }));
      expect(await row(old.id)).toMatchObject({
        status: "skipped",
        queue: null,
        leaseOwner: null,
        errorCode: "superseded",
        errorMessage: expect.stringContaining("newer version"),
      });
      expect(await row(fresh.id)).toMatchObject({ status: "queued", queue: "runs" });
    });

    test("an older one that is heard of late is skipped at once", async () => {
      await make(version("a", "v2", { seenAtMs: NOW_MS + 5 }));
      expect(await makeOne(version("a", "v1"))).toMatchObject({ status: "skipped", queue: null });
    });

    test("what Dify was asked for goes on, and is known to be outdated as long as the newer one has a result to come", async () => {
      const old = await makeOne(version("a", "v1"));
      await change(old.id, { status: "running", submittedAtMs: NOW_MS });
      const fresh = await makeOne(version("a", "v2", { seenAtMs: NOW_MS + 5 }));
      expect(await row(old.id)).toMatchObject({ status: "running", queue: "runs" });
      expect(await hasNewer(db(), await row(old.id))).toBe(true);
      expect(await hasNewer(db(), fresh)).toBe(false);
      await change(fresh.id, { status: "failed", queue: null });
      expect(await hasNewer(db(), await row(old.id))).toBe(false);
    });
  });

  test("a file that is to be left alone is handed over when it was, and another event puts that off", async () => {
    const { id } = await makeOne(version("a", "v1", { dueAtMs: NOW_MS + 5_000 }));
    const unqueuedAt = async (nowMs: number) => (await listUnqueuedRuns(db(), nowMs, LATER_MS, 10)).length;
    expect(await unqueuedAt(NOW_MS + 4_999)).toBe(0);
    expect(await make(version("a", "v1", { dueAtMs: NOW_MS + 9_000 }))).toEqual([]);
    expect(await unqueuedAt(NOW_MS + 5_000)).toBe(0);
    expect(await unqueuedAt(NOW_MS + 9_000)).toBe(1);
    await markRunsQueued(db(), [id], NOW_MS + 9_000);
    await make(version("a", "v1", { dueAtMs: NOW_MS + 20_000 }));
    expect((await row(id)).dueAtMs).toBe(NOW_MS + 9_000);
  });

  describe("batches", () => {
    test("files of one upload are one run; when none has come for a while it is handed over", async () => {
      const first = await makeOne(batched("a"));
      const second = await makeOne(batched("b"), NOW_MS + 4_000);
      expect(second.id).toBe(first.id);
      expect(await listUnqueuedRuns(db(), LATER_MS, LATER_MS, 10)).toEqual([]);
      expect(await closeBatches(db(), NOW_MS + 4_000 + QUIET_MS - 1)).toBe(0);
      expect(await closeBatches(db(), NOW_MS + 4_000 + QUIET_MS)).toBe(1);
      expect(await listUnqueuedRuns(db(), LATER_MS, LATER_MS, 10)).toMatchObject([{ id: first.id }]);
      expect(await row(first.id)).toMatchObject({ fileCount: 2, fileName: "a.csv" });
      expect(await filesOf(first.id)).toEqual(["a.csv", "b.csv"]);
    });

    test("other folders and people make batches of their own", async () => {
      const ids = new Set<string>();
      for (const wanted of [
        batched("a"),
        batched("b", "v1", { folderPath: "/Inbox/2026" }),
        batched("c", "v1", { actorUserId: "somebody" }),
        batched("d", "v1", { workspaceId: "another" }),
      ])
        ids.add((await makeOne(wanted)).id);
      expect(ids.size).toBe(4);
    });

    test("a full one is closed at once, and a late file begins the next", async () => {
      const made: RunRow[] = [];
      for (const node of ["a", "b", "c", "d"]) made.push(await makeOne(batched(node)));
      expect(made[2]).toMatchObject({ id: made[0]?.id, gatheringKey: null, dueAtMs: 0, fileCount: MAX_FILES });
      expect(made[3]).toMatchObject({ fileCount: 1, gatheringKey: expect.any(String) });
      expect(made[3]?.id).not.toBe(made[0]?.id);
    });

    test("a file version is in one batch only, whoever repeats it, in whatever order", async () => {
      const { id } = await makeOne(batched("a"));
      expect(await make(batched("a"))).toEqual([]);
      await closeBatches(db(), LATER_MS);
      await change(id, { status: "delivered", queue: null });
      expect(await make(batched("a"), LATER_MS)).toEqual([]);
      expect(await db().$count(runs)).toBe(1);
    });

    test("many events at once lose no file and give none twice", async () => {
      const nodes = Array.from({ length: 20 }, (_, index) => `n${index}`);
      const each = [...nodes, ...nodes.toReversed()];
      // As many at once as the ledger has connections: for one of those that is taken nobody waits longer than five seconds.
      const lanes = Array.from({ length: LANES }, (_, lane) => each.filter((_node, at) => at % LANES === lane));
      await Promise.all(
        lanes.map(async (lane) => {
          for (const node of lane) await make(batched(node));
        }),
      );
      const all = await db().select({ id: runs.id }).from(runs);
      const given = (await Promise.all(all.map(({ id }) => filesOf(id)))).flat();
      expect(given.sort()).toEqual(nodes.map((node) => `${node}.csv`).sort());
      expect(all).toHaveLength(Math.ceil(nodes.length / MAX_FILES));
    });

    test("a rule that took files one by one before does not take them again, nor the other way round", async () => {
      await make(version("a", "v1"));
      expect(await make(batched("a"))).toEqual([]);
      await make(batched("b"));
      expect(await make(version("b", "v1"))).toEqual([]);
    });

    test("a newer version takes the older one's place in a batch that waits", async () => {
      const { id } = await makeOne(batched("a"));
      await make(batched("b"));
      await make(batched("a", "v2", { seenAtMs: NOW_MS + 5 }));
      expect((await listFiles(db(), id)).map(({ nodeId, versionId }) => [nodeId, versionId])).toEqual([
        ["b", "v1"],
        ["a", "v2"],
      ]);
      expect(await row(id)).toMatchObject({ fileCount: 2, fileName: "b.csv" });
      expect(await make(batched("a", "v0", { seenAtMs: NOW_MS - 5 }))).toEqual([]);
    });

    test("one whose last file is outdated before it began is skipped", async () => {
      const { id } = await makeOne(batched("a"));
      await closeBatches(db(), LATER_MS);
      const fresh = await makeOne(batched("a", "v2", { seenAtMs: NOW_MS + 5 }), LATER_MS);
      expect(fresh.id).not.toBe(id);
      expect(await row(id)).toMatchObject({ status: "skipped", errorCode: "superseded", fileCount: 0 });
    });

    test.each([
      { where: "in another folder", change: { folderPath: "/Inbox/2026" } },
      { where: "by another person", change: { actorUserId: "somebody" } },
    ])("one that still gathers is skipped when the newer version of its last file comes $where", async (it) => {
      const { id } = await makeOne(batched("a"));
      const fresh = await makeOne(batched("a", "v2", { seenAtMs: NOW_MS + 5, ...it.change }));
      expect(fresh.id).not.toBe(id);
      expect(await row(id)).toMatchObject({
        status: "skipped",
        queue: null,
        errorCode: "superseded",
        gatheringKey: null,
        fileCount: 0,
      });
      expect(await closeBatches(db(), LATER_MS)).toBe(1);
      expect(await listUnqueuedRuns(db(), LATER_MS, LATER_MS, 10)).toMatchObject([{ id: fresh.id }]);
    });

    test("one that the newer version of its last file joins goes on gathering", async () => {
      const { id } = await makeOne(batched("a"));
      const again = await makeOne(batched("a", "v2", { seenAtMs: NOW_MS + 5 }));
      expect(again).toMatchObject({ id, status: "queued", fileCount: 1, gatheringKey: expect.any(String) });
    });

    test("one that was cancelled while it gathered takes no more files", async () => {
      const { id } = await makeOne(batched("a"));
      await change(id, { status: "cancelled", queue: null, finishedAtMs: NOW_MS });
      const next = await makeOne(batched("b"));
      expect(next.id).not.toBe(id);
      expect(await filesOf(next.id)).toEqual(["b.csv"]);
    });

    test("more files than the app takes make runs of their own, once", async () => {
      const { id } = await makeOne(batched("a"));
      await make(batched("b"));
      await make(batched("c"));
      const parts = await splitBatch(db(), id, 1, NOW_MS);
      expect(parts).toHaveLength(2);
      expect(await splitBatch(db(), id, 1, NOW_MS)).toEqual([]);
      expect(await filesOf(id)).toEqual(["a.csv"]);
      expect(await Promise.all(parts.map((part) => filesOf(part.id)))).toEqual([["b.csv"], ["c.csv"]]);
      for (const part of parts) expect(await row(part.id)).toMatchObject({ fileCount: 1, status: "queued" });
      expect((await row(parts[0]?.id ?? "")).fileName).toBe("b.csv");
    });

    test("a file that is left out stands there with the reason, and the others move up", async () => {
      const { id } = await makeOne(batched("a"));
      await make(batched("b"));
      const [first] = await listFiles(db(), id);
      expect(await leaveOut(db(), id, [{ fileKey: first?.fileKey ?? "", reason: "it is gone" }])).toBe(1);
      expect(await listAllFiles(db(), id)).toMatchObject([{ leftOut: "it is gone" }, { leftOut: null }]);
      expect(await row(id)).toMatchObject({ fileCount: 1, fileName: "b.csv", nodeId: "b" });
    });
  });

  describe("a flood", () => {
    test("holds what is above the limit, says so, and lets it go on in order when told, once", async () => {
      const nodes = Array.from({ length: 5 }, (_, index) => `n${index}`);
      await Promise.all(nodes.map((node) => make(version(node, "v1"), NOW_MS, 3)));
      const held = await db().select().from(runs).where(eq(runs.status, "held"));
      expect(held).toHaveLength(2);
      expect(held[0]).toMatchObject({
        queue: null,
        errorCode: "flood_held",
        nextAction: expect.stringContaining("relay rules release read-new-files"),
      });
      // Neither the sweep nor a resumed rule lets them go.
      expect(await releaseHeldRuns(db(), LATER_MS, "read-new-files")).toBe(0);
      expect(await releaseFlood(db(), "read-new-files", NOW_MS)).toBe(2);
      expect(await releaseFlood(db(), "read-new-files", NOW_MS)).toBe(0);
      expect(await listUnqueuedRuns(db(), LATER_MS, LATER_MS, 10)).toHaveLength(5);
    });

    test("what is held counts, so that later files do not pass it; what has ended does not", async () => {
      const first = await makeOne(version("a", "v1"), NOW_MS, 1);
      await make(version("b", "v1"), NOW_MS, 1);
      await change(first.id, { status: "delivered", queue: null });
      expect(await makeOne(version("c", "v1"), NOW_MS, 1)).toMatchObject({ status: "held" });
      await db().update(runs).set({ status: "delivered", queue: null });
      expect(await makeOne(version("d", "v1"), NOW_MS, 1)).toMatchObject({ status: "queued" });
    });
  });

  describe("turns", () => {
    const APP = "an-app";
    const give = async (workspaceId: string, count: number, from = 0): Promise<readonly string[]> => {
      const ids: string[] = [];
      for (let index = from; index < from + count; index += 1) {
        const wanted = version(`${workspaceId}-${index}`, "v1", { workspaceId, app: APP, createdAtMs: NOW_MS + index });
        ids.push((await makeOne(wanted)).id);
      }
      return ids;
    };
    const workspacesOf = async (called: readonly { readonly id: string }[]) =>
      (await Promise.all(called.map(({ id }) => row(id)))).map(({ workspaceId }) => workspaceId).sort();

    test("a workspace has a few runs in the queue, and all others wait in the ledger", async () => {
      const ids = await give("hot", 6);
      const parked = await parkRuns(db(), ids, 4, NOW_MS);
      expect([...parked].sort()).toEqual(ids.slice(4).sort());
      await markRunsQueued(db(), ids.slice(0, 4), NOW_MS);
      const [more] = await give("hot", 1, 6);
      expect(await parkRuns(db(), [more ?? ""], 4, NOW_MS)).toEqual(new Set([more]));
      const [cold] = await give("cold", 1);
      expect(await parkRuns(db(), [cold ?? ""], 4, NOW_MS)).toEqual(new Set());
    });

    const changeWhileCounting = async () => {
      const changes: Partial<RunRow>[] = [
        { cancelAskedAtMs: NOW_MS },
        { submittedAtMs: NOW_MS },
        { leaseUntilMs: LATER_MS },
        { queue: "shares" },
        { waitingApp: "another-app" },
      ];
      const ids = await give("hot", changes.length);
      let parking: Promise<ReadonlySet<string>> | undefined;
      await db().transaction(async (tx) => {
        for (const [index, id] of ids.entries())
          await tx
            .update(runs)
            .set(changes[index] ?? {})
            .where(eq(runs.id, id));
        parking = parkRuns(db(), ids, 0, NOW_MS);
        parking.catch(() => undefined); // awaited below
        await vi.waitFor(async () => {
          const isStopped = sql`datname = current_database() and wait_event_type = 'Lock'`;
          const stopped = db().select({ pid: sql`pid` }).from(sql`pg_stat_activity`).where(isStopped);
          expect(await stopped).toHaveLength(1);
        }, SOON);
      });
      expect(await parking).toEqual(new Set());
      for (const [index, id] of ids.entries()) {
        expect(await row(id)).toMatchObject({ waitingApp: null, progress: null, ...changes[index] });
      }
    };
    // Two writers at a time: the embedded database has one.
    if (name === "postgres")
      test("what changes while the runs are counted is not laid aside any more", changeWhileCounting);

    test("workspaces are called by turns, those first that have the least at work, and each run once", async () => {
      await parkRuns(db(), await give("hot", 10), 0, NOW_MS);
      await parkRuns(db(), await give("warm", 2, 20), 0, NOW_MS);
      await parkRuns(db(), await give("cold", 1, 30), 0, NOW_MS);
      expect(await workspacesOf(await callWaitingRuns(db(), APP, 4, NOW_MS))).toEqual(["cold", "hot", "hot", "warm"]);
      // Two of "hot" are at work, one of "warm".
      expect(await workspacesOf(await callWaitingRuns(db(), APP, 1, NOW_MS))).toEqual(["warm"]);
      const calls = await Promise.all([1, 2, 3].map(() => callWaitingRuns(db(), APP, 4, NOW_MS)));
      const rest = calls.flat().map(({ id }) => id);
      expect(new Set(rest).size).toBe(rest.length);
      const last = await callWaitingRuns(db(), APP, 10, NOW_MS);
      expect(rest.length + last.length).toBe(8);
      expect(await callWaitingRuns(db(), APP, 10, NOW_MS)).toEqual([]);
    });

    test("each app that runs wait for is told once", async () => {
      expect(await listWaitingApps(db())).toEqual([]);
      for (const [index, waitingApp] of ["b", "a", "b", null].entries())
        await makeOne(version(`${index}`, "v1", { waitingApp }));
      expect(await listWaitingApps(db())).toEqual(["a", "b"]);
    });

    test("a place is told within the workspace, behind what came before, and a long backlog is counted so far", async () => {
      const put = (workspace: string, from: number, count: number) =>
        db().execute(sql`insert into relay.events
          (key, id, source, raw_type, type, received_at_ms, workspace_id, object_kind, raw, status, reasons)
          select ${workspace} || '-' || n, n::text, 'webhook', 't', 't', ${NOW_MS}::bigint + n, ${workspace}, 'file', '{}',
            'accepted', '{}' from generate_series(${from}::int, ${from + count - 1}::int) n`);
      await put("hot", 1, 10);
      await put("cold", 1, 1);
      const asked = ["hot-10", "hot-9", "hot-3", "cold-1"];
      // Three of the call itself, and two that came before all of them.
      expect(Object.fromEntries(await placesOf(db(), "events", asked))).toEqual({
        "hot-3": 2,
        "hot-9": 3,
        "hot-10": 4,
        "cold-1": 0,
      });
      expect((await placesOf(db(), "events", ["hot-10"])).get("hot-10")).toBe(9);
      await put("hot", 11, COUNTED_BACKLOG + 100);
      const last = `hot-${COUNTED_BACKLOG + 110}`;
      expect((await placesOf(db(), "events", [last])).get(last)).toBe(COUNTED_BACKLOG);
    });
  });
});
