import { describe, expect, test } from "vitest";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import {
  findEvent,
  listOverdueEvents,
  listUnqueuedEvents,
  markEventsQueued,
  renewEventGeneration,
} from "../../../src/ledger/event-queries.ts";
import { findRun } from "../../../src/ledger/find-run.ts";
import {
  listOverdueRuns,
  listUnqueuedRuns,
  markRunsQueued,
  renewRunGeneration,
} from "../../../src/ledger/hand-overs.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { listOutputs, markPlaced, saveOutput } from "../../../src/ledger/outputs.ts";
import { releaseHeldRuns } from "../../../src/ledger/release-runs.ts";
import { setRuleState } from "../../../src/ledger/rule-state-queries.ts";
import { releaseAllLeases } from "../../../src/ledger/run-leases.ts";
import type { NewRun } from "../../../src/ledger/schema.ts";
import { runs } from "../../../src/ledger/schema.ts";
import { createRuns } from "../../support/create-runs.ts";
import { checkpointRun, claimRun, renewLease } from "../../support/run-leases.ts";
import { deliveryOf, eventNamed, NOW_MS, runNamed } from "./intakes.ts";
import { databases, useLedger } from "./subjects.ts";

const ROUTED = { status: "routed", reasons: {} } as const;
const lease = (owner: string, nowMs = NOW_MS) => ({ owner, nowMs, untilMs: nowMs + 5_000 });

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);
  const db = (): Db => ledger().db;
  const given = async (...wanted: readonly NewRun[]): Promise<void> => {
    await createRuns(db(), "ev-none", wanted, ROUTED, NOW_MS);
  };
  const run = async (id: string) => {
    const found = await findRun(db(), id);
    if (!found) throw new Error(`no run ${id}`);
    return found;
  };

  describe("making runs", () => {
    test("routing an event twice makes its runs once, and the second time tells of none", async () => {
      await acceptDeliveries(db(), [deliveryOf(eventNamed("a"))]);
      const first = await createRuns(db(), "ev-a", [runNamed("r1"), runNamed("r2")], ROUTED, NOW_MS);
      expect(first.map(({ id }) => id).sort()).toEqual(["r1", "r2"]);
      expect(await createRuns(db(), "ev-a", [runNamed("r1"), runNamed("r3")], ROUTED, NOW_MS + 1)).toMatchObject([
        { id: "r3" },
      ]);
      expect(await db().$count(runs)).toBe(3);
      expect(await findEvent(db(), "ev-a")).toMatchObject({ status: "routed", routedAtMs: NOW_MS + 1 });
    });

    test("what a run has learned is not overwritten by the same event routed again", async () => {
      await given(runNamed("r1"));
      await db().update(runs).set({ status: "delivered", queue: null, shareId: "share" });
      await given(runNamed("r1"));
      expect(await run("r1")).toMatchObject({ status: "delivered", queue: null, shareId: "share" });
    });

    test("an event no rule wants is kept with the reasons", async () => {
      await acceptDeliveries(db(), [deliveryOf(eventNamed("a"))]);
      await createRuns(db(), "ev-a", [], { status: "ignored", reasons: { "a-rule": "another folder" } }, NOW_MS);
      expect(await findEvent(db(), "ev-a")).toMatchObject({
        status: "ignored",
        reasons: { "a-rule": "another folder" },
      });
    });
  });

  describe("the lease", () => {
    test("lets one owner in, tells others when to come back, and is theirs when it has ended", async () => {
      await given(runNamed("r1"));
      expect(await claimRun(db(), "r1", "runs", lease("one"))).toMatchObject({ kind: "claimed", run: { id: "r1" } });
      expect(await claimRun(db(), "r1", "runs", lease("two"))).toEqual({ kind: "held", untilMs: NOW_MS + 5_000 });
      expect(await claimRun(db(), "r1", "runs", lease("two", NOW_MS + 5_001))).toMatchObject({ kind: "claimed" });
    });

    test("of many that claim at once, one gets it", async () => {
      await given(runNamed("r1"));
      const claims = await Promise.all(
        Array.from({ length: 8 }, (_, index) => claimRun(db(), "r1", "runs", lease(`worker-${index}`))),
      );
      expect(claims.filter(({ kind }) => kind === "claimed")).toHaveLength(1);
      expect(claims.filter(({ kind }) => kind === "held")).toHaveLength(7);
    });

    test("is not given for a run that waits in another queue, has ended, or is not known", async () => {
      await given(runNamed("r1", { queue: "shares" }), runNamed("r2", { queue: null, status: "delivered" }));
      for (const id of ["r1", "r2", "r3"]) {
        expect(await claimRun(db(), id, "runs", lease("one"))).toEqual({ kind: "finished" });
      }
    });

    test("keeps an owner who lost it from renewing and from writing", async () => {
      await given(runNamed("r1"));
      await claimRun(db(), "r1", "runs", lease("one"));
      expect(await renewLease(db(), "r1", "one", NOW_MS + 6_000)).toMatchObject({ cancelAskedAtMs: null });
      await claimRun(db(), "r1", "runs", lease("two", NOW_MS + 6_001));
      expect(await renewLease(db(), "r1", "one", NOW_MS + 20_000)).toBeUndefined();
      expect(await checkpointRun(db(), "r1", "one", { shareId: "stolen" }, NOW_MS)).toBeUndefined();
      expect(await checkpointRun(db(), "r1", "two", { difyUploadId: "upload" }, NOW_MS + 6_100)).toMatchObject({
        run: { id: "r1", updatedAtMs: NOW_MS + 6_100 },
      });
      expect(await run("r1")).toMatchObject({ leaseOwner: "two", difyUploadId: "upload", shareId: null });
    });

    test("is given back with the last checkpoint, so that the next worker need not wait", async () => {
      await given(runNamed("r1"));
      await claimRun(db(), "r1", "runs", lease("one"));
      await checkpointRun(db(), "r1", "one", { queue: "shares" }, NOW_MS, { release: true });
      expect(await run("r1")).toMatchObject({ leaseOwner: null, leaseUntilMs: 0, startedAtMs: NOW_MS });
      expect(await claimRun(db(), "r1", "shares", lease("two", NOW_MS + 1))).toMatchObject({
        kind: "claimed",
        run: { startedAtMs: NOW_MS },
      });
    });

    test("of a dead process is freed when an embedded ledger is opened", async () => {
      await given(runNamed("r1"), runNamed("r2"));
      await claimRun(db(), "r1", "runs", lease("dead"));
      await releaseAllLeases(db());
      expect(await claimRun(db(), "r1", "runs", lease("two", NOW_MS + 1))).toMatchObject({ kind: "claimed" });
    });
  });

  describe("the sweep's lists", () => {
    test("name events and runs that no queue was told of, once they are old enough", async () => {
      await acceptDeliveries(db(), [
        deliveryOf(eventNamed("a"), eventNamed("b"), eventNamed("late", { receivedAtMs: NOW_MS + 10 })),
      ]);
      await given(runNamed("r1"), runNamed("r2"), runNamed("held", { queue: null, status: "held" }));
      await markEventsQueued(db(), ["ev-b"], NOW_MS);
      await markRunsQueued(db(), ["r2"], NOW_MS);
      expect(await listUnqueuedEvents(db(), NOW_MS + 1, 10)).toMatchObject([{ key: "ev-a", generation: 0 }]);
      expect(await listUnqueuedRuns(db(), NOW_MS, NOW_MS + 1, 10)).toEqual([
        { id: "r1", queue: "runs", generation: 0 },
      ]);
      expect(await listUnqueuedRuns(db(), NOW_MS, NOW_MS, 10)).toEqual([]);
    });

    test("name what was handed over long ago, but no run that is worked on, not yet due, or ended", async () => {
      await acceptDeliveries(db(), [deliveryOf(eventNamed("a"), eventNamed("b"))]);
      await markEventsQueued(db(), ["ev-a", "ev-b"], NOW_MS);
      await createRuns(db(), "ev-b", [], ROUTED, NOW_MS);
      await given(
        runNamed("forgotten"),
        runNamed("leased", { leaseOwner: "one", leaseUntilMs: NOW_MS + 60_000 }),
        runNamed("later", { notBeforeMs: NOW_MS + 60_000 }),
        runNamed("ended", { queue: null, status: "failed" }),
      );
      await markRunsQueued(db(), ["forgotten", "leased", "later", "ended"], NOW_MS);
      const nowMs = NOW_MS + 4_000;
      expect(await listOverdueEvents(db(), NOW_MS + 1_000, 10)).toMatchObject([
        { key: "ev-a", generation: 0, queuedAtMs: NOW_MS },
      ]);
      expect((await listOverdueRuns(db(), nowMs, NOW_MS + 1_000, 10)).map(({ id }) => id)).toEqual(["forgotten"]);
      expect((await listOverdueRuns(db(), NOW_MS + 90_000, NOW_MS + 80_000, 10)).map(({ id }) => id).sort()).toEqual(
        ["forgotten", "later", "leased"].sort(),
      );
    });

    test("bring back what waits for an app and was not called, after all that is in the queue", async () => {
      const waits = { waitingApp: "app", queuedAtMs: NOW_MS - 9 };
      await given(
        runNamed("uncalled", { ...waits, notBeforeMs: NOW_MS - 5 }),
        runNamed("waiting", { ...waits, notBeforeMs: NOW_MS + 60_000 }),
        runNamed("forgotten", { queuedAtMs: NOW_MS }),
      );
      const overdue = async (limit: number) =>
        (await listOverdueRuns(db(), NOW_MS + 4_000, NOW_MS + 1_000, limit)).map(({ id }) => id);
      expect(await overdue(10)).toEqual(["forgotten", "uncalled"]);
      expect(await overdue(1)).toEqual(["forgotten"]);
    });

    test("of several sweeps, one claims the new hand-over", async () => {
      await acceptDeliveries(db(), [deliveryOf(eventNamed("a"))]);
      await given(runNamed("r1"));
      const events = await Promise.all([0, 1, 2].map(() => renewEventGeneration(db(), "ev-a", 0)));
      const handed = await Promise.all([0, 1, 2].map(() => renewRunGeneration(db(), "r1", 0)));
      expect(events.filter(Boolean)).toHaveLength(1);
      expect(handed.filter(Boolean)).toHaveLength(1);
      expect(await run("r1")).toMatchObject({ generation: 1, queuedAtMs: null });
    });
  });

  test("held runs go on where they stopped once their rule is paused no more, and no others", async () => {
    const held = { status: "held", queue: null } as const;
    const fault = { errorCode: "unauthorized", errorMessage: "wrong key", nextAction: "mend it" };
    await given(
      runNamed("before-dify", { ...held, ...fault, notBeforeMs: NOW_MS + 9 }),
      runNamed("collected", { ...held, collectedAtMs: NOW_MS, queuedAtMs: NOW_MS }),
      runNamed("of-another", { ...held, ruleName: "another" }),
      runNamed("failed", { status: "failed", queue: null }),
    );
    const rule = { reason: null, nextAction: null, changedBy: "operator", sinceMs: NOW_MS };
    await setRuleState(db(), { ...rule, ruleName: "read-new-files", state: "active" });
    await setRuleState(db(), { ...rule, ruleName: "another", state: "paused" });
    expect(await releaseHeldRuns(db(), NOW_MS + 1)).toBe(2);
    expect(await releaseHeldRuns(db(), NOW_MS + 1)).toBe(0);
    expect(await run("before-dify")).toMatchObject({
      status: "queued",
      queue: "runs",
      generation: 1,
      notBeforeMs: 0,
      errorCode: null,
      nextAction: null,
    });
    expect(await run("collected")).toMatchObject({ queue: "shares", queuedAtMs: null });
    expect(await run("of-another")).toMatchObject({ status: "held" });
    expect(await run("failed")).toMatchObject({ status: "failed" });
  });

  test("an output remembered twice is one; once it is placed, what is known of it stays", async () => {
    const output = { runId: "r1", ordinal: 0, kind: "text", name: "report.md", mimeType: "text/markdown" } as const;
    await saveOutput(db(), { ...output, size: 5, content: "first" });
    await saveOutput(db(), { ...output, size: 6, content: "second" });
    expect(await listOutputs(db(), "r1")).toMatchObject([{ size: 6, content: "second", nodeId: null }]);
    await markPlaced(db(), { runId: "r1", ordinal: 0, nodeId: "node", placedAtMs: NOW_MS });
    await saveOutput(db(), { ...output, size: 7, content: "third" });
    expect(await listOutputs(db(), "r1")).toMatchObject([
      { size: 6, content: null, nodeId: "node", placedAtMs: NOW_MS },
    ]);
  });

  test("a run is not given out before the time that its upstream asked for", async () => {
    await given(runNamed("r1", { notBeforeMs: NOW_MS + 60_000 }));
    expect(await claimRun(db(), "r1", "runs", lease("one"))).toEqual({ kind: "held", untilMs: NOW_MS + 60_000 });
    expect(await claimRun(db(), "r1", "runs", lease("one", NOW_MS + 60_001))).toMatchObject({ kind: "claimed" });
  });
});
