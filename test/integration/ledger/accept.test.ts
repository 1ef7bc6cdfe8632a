import pg from "pg";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { createAccept } from "../../../src/ledger/accept.ts";
import { acceptDeliveries, createWriter } from "../../../src/ledger/accept-deliveries.ts";
import { findEvent } from "../../../src/ledger/event-queries.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { deliveries, events, refusals } from "../../../src/ledger/schema.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";
import { deliveryOf, eventNamed, NOW_MS, refusalFor } from "./intakes.ts";
import { databases, useLedger } from "./subjects.ts";

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);
  const db = (): Db => ledger().db;

  test("a delivery is accepted once, a repeat of its event is a duplicate, one without events is ignored", async () => {
    const { accept, newKeys } = open(db());
    expect(await accept(deliveryOf(eventNamed("a")))).toBe("accepted");
    expect(await accept(deliveryOf(eventNamed("a")))).toBe("duplicate");
    expect(await accept(deliveryOf(eventNamed("a"), eventNamed("b")))).toBe("accepted");
    expect(await accept(deliveryOf())).toBe("ignored");
    expect(newKeys).toEqual(["ev-a", "ev-b"]);
    expect(await db().$count(events)).toBe(2);
    const stored = await db().select().from(deliveries);
    expect(stored.map(({ verdict }) => verdict).sort()).toEqual(["accepted", "accepted", "duplicate", "ignored"]);
    expect(stored.find(({ eventKeys }) => eventKeys.length === 2)).toMatchObject({ eventKeys: ["ev-a", "ev-b"] });
  });

  test("of deliveries in one batch that bring the same event, the first is accepted", async () => {
    const { accept, newKeys, transactions } = open(db());
    const verdicts = await Promise.all(Array.from({ length: 5 }, () => accept(deliveryOf(eventNamed("same")))));
    expect(verdicts).toEqual(["accepted", "duplicate", "duplicate", "duplicate", "duplicate"]);
    expect(newKeys).toEqual(["ev-same"]);
    expect(transactions()).toBe(1);
    expect(await db().$count(deliveries)).toBe(5);
  });

  test("the same event twice in one delivery is one event", async () => {
    const { accept, newKeys } = open(db());
    expect(await accept(deliveryOf(eventNamed("a"), eventNamed("a")))).toBe("accepted");
    expect(newKeys).toEqual(["ev-a"]);
  });

  test("pulled events go the same way and leave no delivery", async () => {
    const { accept } = open(db());
    expect(await accept({ kind: "pulled", events: [eventNamed("a")] })).toBe("accepted");
    expect(await accept({ kind: "pulled", events: [eventNamed("a")] })).toBe("duplicate");
    expect(await db().$count(deliveries)).toBe(0);
  });

  test("an event that is passed over ends with the commit, counts as new once, and is nothing to the queue", async () => {
    const write = createWriter(db(), ({ type }) =>
      type === "folder.created" ? { drop: "own_doing", reason: "nobody listens", fileName: "a.csv" } : undefined,
    );
    const folder = eventNamed("folder");
    const strange = { ...folder, event: { ...folder.event, type: "folder.created" as const } };
    const batch = [deliveryOf(strange), deliveryOf(strange), deliveryOf(strange, eventNamed("file"))];
    expect(await write(batch, NOW_MS)).toMatchObject({
      verdicts: ["accepted", "duplicate", "accepted"],
      newEvents: [{ key: "ev-file" }],
      passedOver: [{ drop: "own_doing" }],
    });
    expect(await write(batch, NOW_MS)).toMatchObject({ newEvents: [], passedOver: [] });
    expect(await findEvent(db(), "ev-folder")).toMatchObject({
      status: "ignored",
      reasons: { "*": "nobody listens" },
      fileName: "a.csv",
      routedAtMs: strange.event.receivedAtMs,
      queuedAtMs: null,
    });
    expect(await findEvent(db(), "ev-file")).toMatchObject({ status: "accepted", reasons: {}, routedAtMs: null });
  });

  test("requests that arrive together share few transactions", async () => {
    const { accept, newKeys, transactions } = open(db());
    const verdicts = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => accept(deliveryOf(eventNamed(`e${index}`)))),
    );
    expect(new Set(verdicts)).toEqual(new Set(["accepted"]));
    expect(newKeys).toHaveLength(1_000);
    expect(transactions()).toBe(2);
  });

  test("a lone request does not wait for company", async () => {
    const { accept } = open(db());
    await accept(deliveryOf(eventNamed("warm-up")));
    const waits: number[] = [];
    for (let index = 0; index < 20; index++) {
      const startedMs = performance.now();
      await accept(deliveryOf(eventNamed(`e${index}`)));
      waits.push(performance.now() - startedMs);
    }
    // The wait itself is 2 ms; the bound only tells it from waiting for a batch to fill, on a machine that may be busy.
    expect(Math.min(...waits)).toBeLessThan(500);
  });

  test("refusals are counted by minute and reason, and stored as far as they are to be kept", async () => {
    const { accept } = open(db());
    const next = NOW_MS + 60_000;
    const verdicts = await Promise.all([
      accept(refusalFor("signature: mismatch")),
      accept(refusalFor("signature: mismatch", { keep: false })),
      accept(refusalFor("stale: stale", { atMs: NOW_MS + 59_999 })),
      accept(refusalFor("signature: mismatch", { atMs: next })),
    ]);
    expect(new Set(verdicts)).toEqual(new Set(["refused"]));
    await accept(refusalFor("signature: mismatch", { keep: false }));
    const counted = await db().select().from(refusals).orderBy(refusals.minuteMs, refusals.reason);
    expect(counted).toEqual([
      { minuteMs: NOW_MS, reason: "signature: mismatch", count: 3 },
      { minuteMs: NOW_MS, reason: "stale: stale", count: 1 },
      { minuteMs: next, reason: "signature: mismatch", count: 1 },
    ]);
    expect(await db().$count(deliveries)).toBe(3);
  });

  test("a refused body of a claimed size beyond all measure is written down all the same", async () => {
    const { accept } = open(db());
    await accept(refusalFor("too_large: over the limit", { bodyBytes: 1e19 }));
    expect(await db().select().from(deliveries)).toMatchObject([{ bodyBytes: 2_147_483_647, verdict: "refused" }]);
    expect(await db().$count(refusals)).toBe(1);
  });

  test("one intake the database will not take does not cost the others their place", async () => {
    const { accept, newKeys } = open(db());
    const outcomes = await Promise.allSettled([
      accept(deliveryOf(eventNamed("a"))),
      accept(deliveryOf(eventNamed("poison", { raw: "\0" }))),
      accept(deliveryOf(eventNamed("b"))),
    ]);
    expect(outcomes).toMatchObject([
      { status: "fulfilled", value: "accepted" },
      { status: "rejected", reason: { code: "ledger_unavailable", retryable: true } },
      { status: "fulfilled", value: "accepted" },
    ]);
    expect(newKeys).toEqual(["ev-a", "ev-b"]);
  });

  test("many deliveries of a thousand events each are accepted together", async () => {
    const { accept, newKeys } = open(db());
    const verdicts = await Promise.all(
      Array.from({ length: 6 }, (_, delivery) =>
        accept(deliveryOf(...Array.from({ length: 1_000 }, (_, index) => eventNamed(`d${delivery}-${index}`)))),
      ),
    );
    expect(new Set(verdicts)).toEqual(new Set(["accepted"]));
    expect(new Set(newKeys).size).toBe(6_000);
  });
});

describe.skipIf(inject("postgresUrl") === undefined)("on postgres", () => {
  const { ledger, url } = useLedger("postgres");

  test("two processes that accept the same events do not wait for each other for ever", async () => {
    const [a, m, z] = ["a", "m", "z"].map((each) => eventNamed(each));
    if (!a || !m || !z) throw new Error("three names make three events");
    const { db } = ledger();
    const other = new pg.Pool({ connectionString: url() });
    // The database may be dropped before the server has read that they end.
    other.on("connect", (client) => client.on("error", () => undefined));
    onTestFinished(() => other.end());
    const waiting = async (): Promise<unknown> => {
      const { rows } = await other.query("select count(*)::int as n from pg_locks where not granted");
      return rows[0]?.n;
    };
    // A third holds the event in the middle until both have begun, so that they surely meet.
    const third = await other.connect();
    onTestFinished(() => third.release());
    await third.query("begin");
    await third.query(
      "insert into relay.events (key, id, source, raw_type, type, received_at_ms, object_kind, raw, status, reasons) values ('ev-m', 'm', '', '', '', 0, '', '', 'accepted', '{}')",
    );
    const both = Promise.all([
      acceptDeliveries(db, [deliveryOf(a, m, z)]),
      acceptDeliveries(db, [deliveryOf(z, m, a)]),
    ]);
    both.catch(() => undefined); // awaited below
    await vi.waitFor(async () => expect(await waiting()).toBe(2), SOON);
    await third.query("rollback");
    expect((await both).flatMap(({ newEvents }) => newEvents.map(({ key }) => key)).sort()).toEqual([
      "ev-a",
      "ev-m",
      "ev-z",
    ]);
  });
});

/** An `accept` that counts its transactions and remembers the keys it told of. */
function open(db: Db) {
  const newKeys: string[] = [];
  let transactions = 0;
  const counted = new Proxy(db, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property);
      if (property === "with") transactions += 1; // the one statement of a batch
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const accept = createAccept({
    write: (batch) => acceptDeliveries(counted, batch),
    log: silentLog,
    onCommitted: (committed) => newKeys.push(...committed.newEvents.map(({ key }) => key)),
  });
  return { accept, newKeys, transactions: () => transactions };
}
