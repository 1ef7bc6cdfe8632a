import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
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
