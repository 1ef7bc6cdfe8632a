import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import {
  lowerAppLimit,
  openAppLimit,
  QUIET_MS,
  raiseAppLimit,
  readAppRoom,
} from "../../../../src/ledger/app-limits.ts";
import {
  admitSlot,
  freeSlot,
  handOverSlot,
  occupySlot,
  renewSlot,
  SLOT_LEASE_MS,
  type TakenSlot,
  takeSlot,
} from "../../../../src/ledger/app-slots.ts";
import { type Db, openLedger } from "../../../../src/ledger/open-ledger.ts";
import { callWaitingRuns } from "../../../../src/ledger/turns.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { createTestDatabase } from "../../../support/servers.ts";
import { givenRun, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const START_MS = 1_800_000_000_000;

async function givenApp(start = 3, ceiling = 20): Promise<string> {
  const app = randomUUID().slice(0, 12);
  await openAppLimit(ledger.db, app, { start, ceiling }, START_MS);
  return app;
}

const holder = (app: string) => ({ app, runId: randomUUID(), owner: "here" });

async function take(app: string, nowMs = START_MS, db: Db = ledger.db): Promise<TakenSlot> {
  const slot = await takeSlot(db, holder(app), nowMs);
  if (!slot) throw new Error("no slot");
  return slot;
}

const slotsOf = async (app: string, nowMs = START_MS) => (await readAppRoom(ledger.db, app, nowMs)).slots;

describe("slots", () => {
  test("as many as the limit says, and one again when one is freed", async () => {
    const app = await givenApp();
    const taken = [await take(app), await take(app), await take(app)];
    expect(new Set(taken.map(({ slot }) => slot)).size).toBe(3);
    expect(await takeSlot(ledger.db, holder(app), START_MS)).toBeUndefined();
    await freeSlot(ledger.db, taken[1] as TakenSlot);
    expect(await take(app)).toMatchObject({ slot: taken[1]?.slot });
  });

  test("one that its worker renews no more is free after its lease, and is not the old worker's any more", async () => {
    const app = await givenApp(1);
    const old = await take(app);
    const laterMs = START_MS + SLOT_LEASE_MS;
    expect(SLOT_LEASE_MS).toBeLessThanOrEqual(5_000);
    expect(await takeSlot(ledger.db, holder(app), laterMs - 1)).toBeUndefined();
    const fresh = await take(app, laterMs);
    expect(await renewSlot(ledger.db, old, laterMs)).toBe(false);
    await freeSlot(ledger.db, old);
    expect(await renewSlot(ledger.db, fresh, laterMs)).toBe(true);
  });

  test("a slot is handed on, but not when the limit was lowered meanwhile", async () => {
    const app = await givenApp(2);
    const [first, second] = [await take(app), await take(app)];
    expect(await handOverSlot(ledger.db, first, "next", START_MS)).toMatchObject({ slot: first.slot, runId: "next" });
    await lowerAppLimit(ledger.db, { ...second, takenAtMs: START_MS + 1 }, START_MS + 1);
    expect(await slotsOf(app)).toBe(1);
    expect(await handOverSlot(ledger.db, second, "after", START_MS + 60_000)).toBeUndefined();
  });

  test("a run that is found at work counts, though the limit is reached", async () => {
    const app = await givenApp(1);
    await take(app);
    expect(await occupySlot(ledger.db, holder(app), START_MS)).toMatchObject({ slot: 2 });
    expect(await takeSlot(ledger.db, holder(app), START_MS)).toBeUndefined();
  });

  test("apps do not share", async () => {
    const [one, other] = [await givenApp(1), await givenApp(1)];
    await take(one);
    expect(await take(other)).toMatchObject({ slot: 1 });
  });

  test("many processes reaching at once never hold more than the limit", async () => {
    const url = inject("postgresUrl");
    const database = url === undefined ? undefined : await createTestDatabase(url);
    const here = database ? await openLedger(database.url, silentLog) : ledger;
    try {
      const app = randomUUID().slice(0, 12);
      await openAppLimit(here.db, app, { start: 3, ceiling: 20 }, START_MS);
      const taken = await Promise.all(Array.from({ length: 40 }, () => takeSlot(here.db, holder(app), START_MS)));
      const slots = taken.flatMap((slot) => (slot ? [slot.slot] : []));
      expect(slots.length).toBeLessThanOrEqual(3);
      expect(slots.length).toBeGreaterThan(0);
      expect(new Set(slots).size).toBe(slots.length);
    } finally {
      if (database) {
        await here.close();
        await database.drop();
      }
    }
  });
});

describe("the limit", () => {
  test("is halved by a refusal, down to one, and once for those that were refused together", async () => {
    const app = await givenApp(8);
    const [first, second] = [await take(app), await take(app)];
    await lowerAppLimit(ledger.db, first, START_MS + 10);
    await lowerAppLimit(ledger.db, second, START_MS + 20);
    expect(await slotsOf(app)).toBe(4);
    for (const atMs of [100, 200, 300, 400]) {
      await lowerAppLimit(ledger.db, { ...first, takenAtMs: START_MS + atMs }, START_MS + atMs);
    }
    expect(await slotsOf(app)).toBe(1);
  });

  test("stays at what the app is seen to work on", async () => {
    const app = await givenApp(4);
    const atWork = [await take(app), await take(app), await take(app)];
    for (const slot of atWork) await admitSlot(ledger.db, slot, START_MS);
    await lowerAppLimit(ledger.db, await take(app), START_MS);
    expect(await slotsOf(app)).toBe(3);
    // Somebody else's runs may end any time: it is no reason to rest.
    await freeSlot(ledger.db, atWork[0] as TakenSlot);
    expect((await readAppRoom(ledger.db, app, START_MS)).free).toBe(0);
  });

  test("an app that refuses although nothing of ours is at work is left alone, longer each time", async () => {
    const app = await givenApp(2);
    const rests: number[] = [];
    let nowMs = START_MS;
    for (let refusal = 0; refusal < 3; refusal += 1) {
      const slot = await take(app, nowMs);
      const row = await lowerAppLimit(ledger.db, slot, nowMs, 0);
      await freeSlot(ledger.db, slot);
      rests.push((row?.restUntilMs ?? 0) - nowMs);
      expect(await takeSlot(ledger.db, holder(app), nowMs)).toBeUndefined();
      nowMs = row?.restUntilMs ?? 0;
    }
    expect(rests).toEqual([500, 1_000, 2_000]);
  });

  test("rises by one after a quiet minute, up to its ceiling", async () => {
    const app = await givenApp(3, 4);
    expect(await raiseAppLimit(ledger.db, app, 4, START_MS + QUIET_MS - 1)).toBeUndefined();
    expect(await raiseAppLimit(ledger.db, app, 4, START_MS + QUIET_MS)).toBe(4);
    expect(await raiseAppLimit(ledger.db, app, 4, START_MS + 2 * QUIET_MS)).toBeUndefined();
  });

  test("what was learned outlives a restart, until the setting changes", async () => {
    const app = await givenApp(8);
    await lowerAppLimit(ledger.db, await take(app), START_MS);
    const open = async (start: number) => (await openAppLimit(ledger.db, app, { start, ceiling: 20 }, START_MS)).slots;
    expect(await open(8)).toBe(4);
    expect(await open(6)).toBe(6);
  });
});

test("runs that wait are called oldest first, each by one caller", async () => {
  const app = await givenApp();
  const ids: string[] = [];
  for (const createdAtMs of [30, 10, 20]) {
    const run = await givenRun(ledger.db, sampleRule(), { waitingApp: app, createdAtMs, notBeforeMs: START_MS + 1e6 });
    ids.push(run.id);
  }
  const first = await callWaitingRuns(ledger.db, app, 2, START_MS);
  expect(new Set(first.map(({ id }) => id))).toEqual(new Set([ids[1], ids[2]]));
  const [rest, ...others] = await callWaitingRuns(ledger.db, app, 2, START_MS);
  expect(rest).toMatchObject({ id: ids[0], generation: 1 });
  expect(others).toEqual([]);
});
