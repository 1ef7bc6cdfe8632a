import { describe, expect, test, vi } from "vitest";
import { createNoteSignature } from "../../../handlers/note-signature.ts";
import { systemClock } from "../../../src/clock.ts";
import { eventKey } from "../../../src/fastio/events/event-keys.ts";
import { readDelivery } from "../../../src/fastio/events/read-delivery.ts";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import { readCursor, writeCursor } from "../../../src/ledger/cursors.ts";
import { readDeliverySigns } from "../../../src/ledger/delivery-signs.ts";
import { markPulled, readGaps } from "../../../src/ledger/gap-report.ts";
import { dropLease, takeLease } from "../../../src/ledger/leases.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { operatorActions } from "../../../src/ledger/schema.ts";
import { listSignaturePins, pinSignature } from "../../../src/ledger/signature-pins.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";
import { databases, useLedger } from "../ledger/subjects.ts";

const NOW_MS = 1_795_327_200_000;

const eventOf = (id: string, source: "webhook" | "changes") => {
  const body = JSON.stringify({
    event_id: id,
    event: "workspace_storage_file_added",
    workspace_id: "7",
    object_id: id,
  });
  const reading = readDelivery(Buffer.from(body), { receivedAtMs: NOW_MS, source });
  if (reading.kind !== "events" || !reading.events[0]) throw new Error("no event");
  return { key: eventKey(reading.events[0]), event: reading.events[0] };
};
let deliveries = 0;
const deliver = (db: Db, ...ids: string[]) => {
  deliveries += 1;
  const facts = { id: `d${deliveries}`, receivedAtMs: NOW_MS, route: "fastio", bodyBytes: 1 };
  return acceptDeliveries(db, [{ kind: "delivery", facts, events: ids.map((id) => eventOf(id, "webhook")) }]);
};
const pull = async (db: Db, ...ids: string[]) => {
  const events = ids.map((id) => eventOf(id, "changes"));
  await acceptDeliveries(db, [{ kind: "pulled", events }]);
  await markPulled(
    db,
    events.map(({ key }) => key),
    NOW_MS + 5,
  );
};
const refuse = (db: Db, reason: string, receivedAtMs = NOW_MS) =>
  acceptDeliveries(db, [
    { kind: "refusal", facts: { id: `r${reason}`, receivedAtMs, route: "fastio", bodyBytes: 1 }, reason, keep: false },
  ]);

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);

  test("the gap report tells what webhooks told, what was found, and what only catch-up found", async () => {
    const { db } = ledger();
    await deliver(db, "both", "webhook-only");
    await pull(db, "both", "lost", "late");
    await deliver(db, "late");
    expect(await readGaps(db, NOW_MS - 1)).toEqual([
      { workspaceId: "7", received: 3, found: 3, recovered: 1, lastReceivedAtMs: NOW_MS, lastFoundAtMs: NOW_MS + 5 },
    ]);
    expect(await readGaps(db, NOW_MS + 1)).toEqual([]);
  });

  test("signs of webhooks: the last verified one, and refusals for a signature alone", async () => {
    const { db } = ledger();
    expect(await readDeliverySigns(db, NOW_MS - 60_000)).toEqual({ lastVerifiedAtMs: undefined, badSignatures: 0 });
    await deliver(db, "one");
    for (const reason of ["signature: mismatch", "signature: missing", "stale: stale", "shape: empty"]) {
      await refuse(db, reason);
    }
    await refuse(db, "signature: mismatch", NOW_MS - 3_600_000);
    expect(await readDeliverySigns(db, NOW_MS - 60_000)).toEqual({ lastVerifiedAtMs: NOW_MS, badSignatures: 3 });
  });

  test("a lease belongs to one until it ends or is given back", async () => {
    const { db } = ledger();
    const ask = (owner: string, nowMs: number) =>
      takeLease(db, { name: "catch-up", owner, untilMs: nowMs + 10 }, nowMs);
    const first = await Promise.all(["a", "b", "c"].map((owner) => ask(owner, NOW_MS)));
    expect(first.filter(Boolean)).toHaveLength(1);
    const owner = ["a", "b", "c"][first.indexOf(true)] ?? "";
    expect(await ask(owner, NOW_MS + 5)).toBe(true);
    expect(await ask("d", NOW_MS + 12)).toBe(false);
    expect(await ask("d", NOW_MS + 20)).toBe(true);
    await dropLease(db, "catch-up", owner);
    expect(await ask("e", NOW_MS + 21)).toBe(false);
    await dropLease(db, "catch-up", "d");
    expect(await ask("e", NOW_MS + 22)).toBe(true);
  });

  test.each([
    { what: "days", aheadMs: 400 * 86_400_000 },
    { what: "an hour", aheadMs: 3_540_000 },
  ])("a lease that was taken by a clock that was wrong by $what is nobody's", async ({ aheadMs }) => {
    const { db } = ledger();
    const ask = (owner: string, nowMs: number) =>
      takeLease(db, { name: "catch-up", owner, untilMs: nowMs + 10_000 }, nowMs);
    expect(await ask("dead", NOW_MS + aheadMs)).toBe(true);
    expect(await ask("a", NOW_MS)).toBe(true);
    // Clocks of several machines differ by some minutes.
    expect(await ask("b", NOW_MS - 240_000)).toBe(false);
  });

  test("a cursor is what was written last", async () => {
    const { db } = ledger();
    expect(await readCursor(db, "changes 1")).toBeUndefined();
    await writeCursor(db, "changes 1", "a", NOW_MS);
    await writeCursor(db, "changes 1", "b", NOW_MS + 1);
    expect(await readCursor(db, "changes 1")).toEqual({ value: "b", updatedAtMs: NOW_MS + 1 });
  });

  test("the first verified delivery pins how a secret signs; a change is kept and left for operators to see", async () => {
    const { db } = ledger();
    const first = { secretPrint: "p1", scheme: "fastio-signature", keyForm: "literal" };
    const second = { secretPrint: "p1", scheme: "x-fastio-signature", keyForm: "hex" };
    const seen = await Promise.all([pinSignature(db, first, NOW_MS), pinSignature(db, first, NOW_MS)]);
    expect(seen.map(({ kind }) => kind).sort()).toEqual(["pinned", "same"]);
    expect(await pinSignature(db, second, NOW_MS + 1)).toEqual({
      kind: "changed",
      from: { scheme: "fastio-signature", keyForm: "literal" },
    });
    expect(await listSignaturePins(db)).toMatchObject([
      { secretPrint: "p1", scheme: "x-fastio-signature", firstSeenMs: NOW_MS, previousScheme: "fastio-signature" },
    ]);
    expect(await db.select().from(operatorActions)).toMatchObject([
      { actor: "relay", action: "signature.changed", target: "p1", detail: { to: { keyForm: "hex" } } },
    ]);
  });

  test("a change of the scheme is reported once, and so is the newest secret when it is first seen", async () => {
    const { db } = ledger();
    const told: string[] = [];
    const note = createNoteSignature({
      db,
      clock: systemClock,
      log: { ...silentLog, info: (event) => told.push(event), warn: (event) => told.push(event) },
      secretPrints: () => ["new", "old"],
    });
    const old = { secretPrint: "old", scheme: "fastio-signature", keyForm: "literal" };
    for (let times = 0; times < 3; times += 1) note(old);
    await vi.waitFor(() => expect(told).toEqual(["signature.pinned"]), SOON);
    for (let times = 0; times < 3; times += 1) note({ ...old, scheme: "standard-webhooks" });
    await vi.waitFor(() => expect(told).toEqual(["signature.pinned", "signature.changed"]), SOON);
    note({ ...old, secretPrint: "new" });
    await vi.waitFor(() => expect(told.slice(2)).toEqual(["signature.pinned", "signature.newest_seen"]), SOON);
  });
});
