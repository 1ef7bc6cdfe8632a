import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkReadiness } from "../../../handlers/check-readiness.ts";
import { systemClock } from "../../../src/clock.ts";
import { createAccept } from "../../../src/ledger/accept.ts";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";
import { deliveryOf, eventNamed } from "../ledger/intakes.ts";
import { bodyOf, deliver, openReceiver, type Receiver } from "./open-receiver.ts";

let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver();
});
afterAll(() => receiver?.close());

test("tables that only the queue lacks, as where the ledger alone was put back, are told of with what to do", async () => {
  const check = checkReadiness({
    db: receiver.ledger.db,
    clock: systemClock,
    checkQueue: async () => {
      throw Object.assign(new Error('relation "job" does not exist'), { code: "42P01" });
    },
    refused: () => undefined,
    pressure: { retryAfterSeconds: () => undefined },
    commitsFail: () => false,
  });
  expect(await check()).toMatchObject({
    ready: true,
    queue: "unavailable",
    nextAction: expect.stringContaining("start the relay again"),
  });
});

test("a database that was made anew while the relay runs is told of with what to do, on /readyz and in the log", async () => {
  const readiness = async () => (await fetch(`${receiver.url}/readyz`)).json();
  expect(await readiness()).not.toHaveProperty("nextAction");
  const { db } = receiver.ledger;
  await db.execute(sql`drop schema relay cascade`);
  expect((await deliver(receiver.url, bodyOf("ev-1"))).status).toBe(503);
  expect(await readiness()).toMatchObject({
    ready: false,
    ledger: "unavailable",
    nextAction: expect.stringMatching(/no tables of the relay.*start the relay again/),
  });

  const told: unknown[] = [];
  const log: Log = { ...silentLog, error: (event, fields) => told.push([event, fields]) };
  const accept = createAccept({ write: (batch) => acceptDeliveries(db, batch), log, onCommitted: () => undefined });
  await expect(accept(deliveryOf(eventNamed("lost")))).rejects.toMatchObject({ code: "ledger_unavailable" });
  expect(told).toMatchObject([["ledger.commit_failed", { nextAction: expect.stringContaining("start the relay") }]]);
});
