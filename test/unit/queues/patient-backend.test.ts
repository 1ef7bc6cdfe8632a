import type { IQueueBackend } from "bullmq";
import { expect, test } from "vitest";
import { createOutage } from "../../../queues/backends/outage.ts";
import { withPatience } from "../../../queues/patient-backend.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createManualClock } from "../dify/manual-clock.ts";

const MARK = { member: "0", score: 0 };

/** @param waitForJob as BullMQ's backend does it */
function start(waitForJob: IQueueBackend["waitForJob"]) {
  const clock = createManualClock();
  const backend = { waitForJob } as unknown as IQueueBackend; // all that is asked of it
  const outage = createOutage("redis", silentLog);
  return { clock, patient: withPatience(backend, { clock, outage }, new AbortController().signal) };
}

test("a wait for a job that never ends is given up, and the worker looks by itself", async () => {
  const { clock, patient } = start(() => new Promise(() => undefined));
  const waiting = patient.waitForJob(10);
  clock.advance(14_999);
  expect(clock.waiting()).toEqual([15_000]);
  clock.advance(1);
  expect(await waiting).toBeNull();
});

test("a wait that ends tells what came, and leaves no timer behind", async () => {
  const { clock, patient } = start(async () => MARK);
  expect(await patient.waitForJob(10)).toBe(MARK);
  expect(clock.waiting()).toEqual([]);
});

test("a wait that fails says why, and leaves no timer behind", async () => {
  const { clock, patient } = start(() => Promise.reject(new Error("Connection is closed.")));
  await expect(patient.waitForJob(10)).rejects.toThrow("Connection is closed.");
  expect(clock.waiting()).toEqual([]);
});
