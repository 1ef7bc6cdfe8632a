import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findEvent } from "../../../src/ledger/event-queries.ts";
import { saveOutput } from "../../../src/ledger/outputs.ts";
import { events } from "../../../src/ledger/schema.ts";
import { settleUnlistened } from "../../../src/ledger/settle-unlistened.ts";
import { givenEvent, openTestLedger, type TestLedger } from "../../support/test-ledger.ts";

const NODE = "2abcdefghijabcdefghijabcdefghi";
const PRINTED = "2ABCD-EFGHI-JABCD-EFGHI-JABCD-EFGHI";
const SELF = "4711";
const LISTENED = { types: ["file.created", "file.moved"], notOwn: ["file.created"], selfUserId: SELF };
const NOW_MS = 1_800_000_000_000;

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

/** @returns its key */
async function given(
  type: string,
  about: { objectId?: string; shareId?: string; actorUserId?: string } = {},
): Promise<string> {
  const key = await givenEvent(ledger.db, { workspaceId: "3", ...about });
  await ledger.db.update(events).set({ type }).where(eq(events.key, key));
  return key;
}

const settle = async (...keys: string[]) => [...(await settleUnlistened(ledger.db, keys, LISTENED, NOW_MS)).keys()];

test("an event that no rule listens to ends at once and says so; one that is listened to is left to be routed", async () => {
  const [folder, file] = [await given("folder.created", { objectId: NODE }), await given("file.created")];
  expect(await settle(folder, file)).toEqual([folder]);
  expect(await findEvent(ledger.db, folder)).toMatchObject({
    status: "ignored",
    reasons: { "*": "no rule listens to folder.created" },
    routedAtMs: NOW_MS,
  });
  expect(await findEvent(ledger.db, file)).toMatchObject({ status: "accepted" });
});

test("who opened what was delivered is left to be written down, however its id is spelt", async () => {
  const source = await given("file.accessed", { objectId: PRINTED });
  expect(await settle(source)).toEqual([source]);

  const output = { runId: "r1", ordinal: 0, kind: "file", name: "a.csv", mimeType: "text/csv", size: 1 } as const;
  await saveOutput(ledger.db, { ...output, nodeId: NODE });
  const kept = [
    await given("file.accessed", { objectId: PRINTED }),
    await given("file.accessed", { objectId: NODE }),
    await given("file.accessed", { objectId: "2other", shareId: "5" }),
    await given("member.added", { shareId: "5" }),
  ];
  expect(await settle(...kept)).toEqual([]);
});

test("an event that was routed meanwhile stays as it is", async () => {
  const key = await given("folder.created");
  await ledger.db.update(events).set({ status: "failed" }).where(eq(events.key, key));
  expect(await settle(key)).toEqual([]);
});

test("what the relay itself did ends at once where no rule takes that; what another did, or some rule takes, is routed", async () => {
  const output = { runId: "r2", ordinal: 0, kind: "file", name: "b.csv", mimeType: "text/csv", size: 1 } as const;
  await saveOutput(ledger.db, { ...output, nodeId: "2placed" });
  const own = { actorUserId: SELF };
  const placed = await given("file.created", { ...own, objectId: "2placed" });
  const other = await given("file.created", { ...own, objectId: "2unknown" });
  const taken = await given("file.moved", { ...own, objectId: "2placed" });
  const theirs = await given("file.created", { actorUserId: "4712", objectId: "2placed" });
  expect((await settle(placed, other, taken, theirs)).toSorted()).toEqual([placed, other].toSorted());
  expect(await findEvent(ledger.db, placed)).toMatchObject({
    status: "ignored",
    reasons: { "*": "the relay placed this file itself" },
    fileName: "b.csv",
  });
  expect(await findEvent(ledger.db, other)).toMatchObject({ reasons: { "*": "the relay itself did this" } });
});
