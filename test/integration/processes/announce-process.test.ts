import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { listProcesses } from "../../../src/ledger/processes.ts";
import { processes } from "../../../src/ledger/schema.ts";
import { announceProcess } from "../../../src/processes/announce-process.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";
import { openTestLedger, type TestLedger } from "../../support/test-ledger.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

test("a process is known again in a ledger that was made anew under it", async () => {
  const id = randomUUID();
  const beats: (() => void)[] = [];
  const clock = { ...systemClock, sleep: () => new Promise<void>((resolve) => beats.push(resolve)) };
  const deps = { db: ledger.db, clock, newId: () => id, log: silentLog };
  onTestFinished(await announceProcess(deps, { receive: true, work: ["runs"] }));
  await ledger.db.delete(processes);
  beats.shift()?.();
  await vi.waitFor(
    async () => expect(await listProcesses(ledger.db)).toMatchObject([{ id, receives: true, queues: ["runs"] }]),
    SOON,
  );
});
