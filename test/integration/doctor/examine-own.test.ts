import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { examineLedger } from "../../../src/doctor/examine-own.ts";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { addProcess } from "../../../src/ledger/processes.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";
import { NOW_MS } from "../ledger/intakes.ts";

test("the doctor tells of processes and of queues without one, as long as a process shows that it lives", async () => {
  const folder = mkdtempSync(join(tmpdir(), "relay-doctor-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const url = copyMadeLedger(join(folder, "data"));
  const ledger = await openLedger(url, silentLog);
  await addProcess(ledger.db, {
    ...{ id: "p1", host: "here", pid: 1, version: "0.1.0", receives: true },
    ...{ queues: ["events", "runs"], startedAtMs: NOW_MS, seenAtMs: NOW_MS },
  });
  await ledger.close();
  const found = async (nowMs: number) =>
    (await examineLedger(url, { clock: { now: () => nowMs }, log: silentLog })).map(
      ({ check, subject, fault, status }) => `${check} ${check === "ledger" ? "" : subject}: ${fault ?? status}`,
    );
  const ledgerIs = "ledger : ok";
  expect(await found(NOW_MS + 29_000)).toEqual([
    ...[ledgerIs, "processes the relay: ok"],
    ...["processes shares: queue_unworked", "processes upkeep: queue_unworked"],
  ]);
  expect(await found(NOW_MS + 31_000)).toEqual([ledgerIs]);
});
