import { describe, expect, test } from "vitest";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import { recordAttempt } from "../../../src/ledger/attempts.ts";
import { listCursors } from "../../../src/ledger/cursors.ts";
import { closeEvent } from "../../../src/ledger/event-queries.ts";
import { claimFolder } from "../../../src/ledger/folder-claims.ts";
import { readForgotten } from "../../../src/ledger/forgotten-until.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { saveOutput } from "../../../src/ledger/outputs.ts";
import { forgetBefore } from "../../../src/ledger/retention.ts";
import {
  attempts,
  deliveries,
  events,
  folderClaims,
  notices,
  outputs,
  refusals,
  runs,
  toolCalls,
  toolRequests,
} from "../../../src/ledger/schema.ts";
import { createRuns } from "../../support/create-runs.ts";
import { deliveryOf, eventNamed, NOW_MS, refusalFor, runNamed } from "./intakes.ts";
import { databases, useLedger } from "./subjects.ts";

const ROUTED = { status: "routed", reasons: {} } as const;
const LATER_MS = NOW_MS + 1_000;

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);
  const db = (): Db => ledger().db;
  const idsOfRuns = async (): Promise<string[]> => (await db().select().from(runs)).map(({ id }) => id).sort();
  const keysOfEvents = async (): Promise<string[]> => (await db().select().from(events)).map(({ key }) => key).sort();

  test("what ended before the moment is forgotten with all that hangs on it", async () => {
    await acceptDeliveries(db(), [
      deliveryOf(eventNamed("r1")),
      deliveryOf(eventNamed("ignored")),
      refusalFor("stale"),
    ]);
    await createRuns(
      db(),
      "ev-r1",
      [runNamed("r1", { queue: null, status: "delivered", finishedAtMs: NOW_MS })],
      ROUTED,
      NOW_MS,
    );
    await closeEvent(db(), "ev-ignored", { status: "ignored", reasons: {} }, NOW_MS);
    await saveOutput(db(), { runId: "r1", ordinal: 0, kind: "text", name: "a", mimeType: "text/plain", size: 1 });
    await recordAttempt(db(), {
      runId: "r1",
      step: "fetch",
      worker: "w",
      startedAtMs: NOW_MS,
      finishedAtMs: NOW_MS,
      outcome: "done",
    });

    expect(await forgetBefore(db(), NOW_MS)).toBe(0);
    for (let forgotten = 1; forgotten > 0; ) forgotten = await forgetBefore(db(), LATER_MS);
    for (const table of [deliveries, refusals, events, runs, outputs, attempts]) {
      expect(await db().$count(table)).toBe(0);
    }
  });

  test("unfinished work is kept, however old, and so are the events it came from", async () => {
    await acceptDeliveries(db(), [
      deliveryOf(...["accepted", "queued", "held", "paused", "done"].map((each) => eventNamed(each))),
    ]);
    const statuses = { queued: "runs", held: null, paused: null } as const;
    for (const [status, queue] of Object.entries(statuses)) {
      await createRuns(
        db(),
        `ev-${status}`,
        [runNamed(status, { status: status as keyof typeof statuses, queue })], // the keys, which Object.entries forgets
        ROUTED,
        NOW_MS,
      );
    }
    await createRuns(
      db(),
      "ev-done",
      [runNamed("done", { status: "failed", queue: null, finishedAtMs: LATER_MS + 1 })],
      ROUTED,
      NOW_MS,
    );
    for (let forgotten = 1; forgotten > 0; ) forgotten = await forgetBefore(db(), LATER_MS);
    expect(await idsOfRuns()).toEqual(["done", "held", "paused", "queued"]);
    expect(await keysOfEvents()).toEqual(["ev-accepted", "ev-done", "ev-held", "ev-paused", "ev-queued"]);
  });

  test("a folder that a link may still show stays its run's when the run is forgotten", async () => {
    const FINISHED = { queue: null, status: "delivered", finishedAtMs: NOW_MS } as const;
    const links = {
      open: { shareId: "s1" },
      open_for_long: { shareId: "s2", shareExpiresBy: "fastio", shareExpiresAtMs: LATER_MS + 1 },
      closed: { shareId: "s3", shareClosedAtMs: NOW_MS },
      expired: { shareId: "s4", shareExpiresBy: "fastio", shareExpiresAtMs: NOW_MS },
      never_made: {},
    } as const;
    for (const [id, link] of Object.entries(links)) {
      await acceptDeliveries(db(), [deliveryOf(eventNamed(id))]);
      await createRuns(db(), `ev-${id}`, [runNamed(id, { ...FINISHED, ...link })], ROUTED, NOW_MS);
      expect(await claimFolder(db(), `folder-${id}`, id)).toBe(true);
    }
    for (let forgotten = 1; forgotten > 0; ) forgotten = await forgetBefore(db(), LATER_MS);
    expect(await idsOfRuns()).toEqual([]);
    expect(await claimFolder(db(), "folder-open", "another")).toBe(false);
    const left = (await db().select().from(folderClaims)).map(({ runId }) => runId);
    expect(left.sort()).toEqual(["open", "open_for_long"]);
  });

  test("an event that a search may find again is remembered, but not for ever", async () => {
    const workspaceId = "3117763504443666597";
    const found = { workspaceId, occurredAtMs: NOW_MS };
    await acceptDeliveries(db(), [
      deliveryOf(
        eventNamed("searched", { ...found, occurredAtMs: NOW_MS - 1 }),
        eventNamed("findable", found),
        eventNamed("of-a-share", { ...found, workspaceId: "5117763504443666597", shareId: "s1" }),
        eventNamed("elsewhere", { ...found, workspaceId: "4117763504443666597" }),
      ),
    ]);
    await db().update(events).set({ status: "ignored", routedAtMs: NOW_MS });
    const findable = [
      { scopeId: workspaceId, sinceMs: NOW_MS },
      { scopeId: "s1", sinceMs: NOW_MS },
    ];
    while ((await forgetBefore(db(), LATER_MS, { findable, untilMs: NOW_MS })) > 0);
    expect(await keysOfEvents()).toEqual(["ev-findable", "ev-of-a-share"]);
    while ((await forgetBefore(db(), LATER_MS, { findable, untilMs: NOW_MS + 1 })) > 0);
    expect(await keysOfEvents()).toEqual([]);
  });

  test("until when events were forgotten is remembered for each workspace and for all shares, and never beyond now", async () => {
    const workspaceId = "3117763504443666597";
    const past = NOW_MS - 1_000;
    await acceptDeliveries(db(), [
      deliveryOf(
        eventNamed("older", { workspaceId, occurredAtMs: past - 1 }),
        eventNamed("newer", { workspaceId, occurredAtMs: past }),
        eventNamed("of-the-future", { workspaceId: "4117763504443666597", occurredAtMs: LATER_MS * 9 }),
        ...["s1", "s2", "s3"].map((shareId) =>
          eventNamed(shareId, { workspaceId: undefined, shareId, occurredAtMs: past }),
        ),
      ),
    ]);
    await db().update(events).set({ status: "ignored", routedAtMs: NOW_MS });
    while ((await forgetBefore(db(), LATER_MS)) > 0);
    const isForgotten = await readForgotten(db());
    const marks = await listCursors(db(), "forgotten ");
    expect(marks.map(({ name }) => name).sort()).toEqual([
      `forgotten ${workspaceId}`,
      "forgotten 4117763504443666597",
      "forgotten shares",
    ]);
    expect(isForgotten({ workspaceId, occurredAtMs: past })).toBe(true);
    expect(isForgotten({ workspaceId, occurredAtMs: past + 1 })).toBe(false);
    expect(isForgotten({ workspaceId, shareId: "s9", occurredAtMs: past })).toBe(true);
    expect(isForgotten({ workspaceId: "4117763504443666597", occurredAtMs: LATER_MS + 1 })).toBe(false);
    expect(isForgotten({ workspaceId: "5117763504443666597", occurredAtMs: 1 })).toBe(false);
  });

  test("no call holds the ledger for long: what is too much for one is left to the next", async () => {
    const names = Array.from({ length: 1_200 }, (_, index) => `e${index}`);
    await acceptDeliveries(db(), [deliveryOf(...names.map((each) => eventNamed(each)))]);
    await db().update(events).set({ status: "ignored", routedAtMs: NOW_MS });
    expect(await forgetBefore(db(), LATER_MS)).toBe(1_001);
    expect(await forgetBefore(db(), LATER_MS)).toBe(200);
    expect(await forgetBefore(db(), LATER_MS)).toBe(0);
  });

  test("no table is emptied in one call, however much lies in it", async () => {
    const many = Array.from({ length: 1_100 }, (_, index) => index);
    const call = { atMs: NOW_MS, caller: "agent", via: "http", operation: "share.create" } as const;
    const request = { caller: "agent", operation: "share.create", inputHash: "h", state: "done", owner: "o" } as const;
    const notice = { variable: "NOTICE", text: "t", state: "sent", dueAtMs: NOW_MS, createdAtMs: NOW_MS } as const;
    await db()
      .insert(refusals)
      .values(many.map((n) => ({ minuteMs: NOW_MS, reason: `r${n}`, count: 1 })));
    await db()
      .insert(toolCalls)
      .values(many.map((n) => ({ ...call, id: `c${n}` })));
    await db()
      .insert(toolRequests)
      .values(many.map((n) => ({ ...request, requestId: `q${n}`, untilMs: NOW_MS, startedAtMs: NOW_MS })));
    await db()
      .insert(notices)
      .values(many.map((n) => ({ ...notice, key: `n${n}` })));
    expect(await forgetBefore(db(), LATER_MS)).toBe(4_000);
    expect(await forgetBefore(db(), LATER_MS)).toBe(400);
    expect(await forgetBefore(db(), LATER_MS)).toBe(0);
  });
});
