import { expect, test } from "vitest";
import { type LogFields, silentLog } from "../../../src/telemetry/log.ts";
import { tellSeldom } from "../../../src/telemetry/tell-seldom.ts";

function openTell() {
  const lines: LogFields[] = [];
  let nowMs = 1_000_000;
  const log = { ...silentLog, warn: (_event: string, fields?: LogFields) => void lines.push(fields ?? {}) };
  const tell = tellSeldom({ log, clock: { now: () => nowMs } }, "app.gate");
  const fail = (what: string, message: string, afterMs = 0): void => {
    nowMs += afterMs;
    tell(what, new Error(message));
  };
  return { fail, told: () => lines.map(({ what, message }) => `${what}: ${message}`) };
}

test("what fails on and on is told once, however long it takes", () => {
  const { fail, told } = openTell();
  for (let tries = 0; tries < 1_000; tries += 1) fail("take", "locked", 250);
  expect(told()).toEqual(["take: locked"]);
});

test("two reasons that take turns are told once each, and so is another thing that fails for the same reason", () => {
  const { fail, told } = openTell();
  for (let tries = 0; tries < 100; tries += 1) {
    fail("take", "locked", 250);
    fail("take", "no connection", 250);
    fail("renew", "locked");
  }
  expect(told()).toEqual(["take: locked", "take: no connection", "renew: locked"]);
});

test("after a minute without it the same failure is news", () => {
  const { fail, told } = openTell();
  fail("take", "locked");
  fail("take", "locked", 59_999);
  fail("take", "locked", 60_000);
  expect(told()).toEqual(["take: locked", "take: locked"]);
});
