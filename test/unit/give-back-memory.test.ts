import { expect, test } from "vitest";
import { createGiver } from "../../src/give-back-memory.ts";
import { silentLog } from "../../src/telemetry/log.ts";

const MIB = 1_048_576;

/** A process that holds so much, and half of it after a collection. */
function open({ resident = 200 * MIB, heap = 40 * MIB } = {}) {
  const process = { worked: 0, resident, heap, collections: 0 };
  const look = createGiver(
    {
      workedPart: () => process.worked,
      residentBytes: () => process.resident,
      heapBytes: () => process.heap,
      collect: () => {
        process.collections += 1;
        process.resident /= 2;
      },
    },
    silentLog,
  );
  return { process, look };
}

test("a process that rests gives back what it holds, once", () => {
  const { process, look } = open();
  look();
  expect(process.collections).toBe(0);
  for (let looks = 0; looks < 10; looks += 1) look();
  expect(process.collections).toBe(1);
});

test("a process at work is left alone, and one that works now and then, too", () => {
  const { process, look } = open();
  for (const worked of [0.5, 0.2, 0, 0.3, 0, 0.9]) {
    process.worked = worked;
    look();
  }
  expect(process.collections).toBe(0);
});

test("it is done again when the process has grown since, and not for a little", () => {
  const { process, look } = open();
  for (let looks = 0; looks < 3; looks += 1) look();
  process.resident += 8 * MIB;
  for (let looks = 0; looks < 3; looks += 1) look();
  expect(process.collections).toBe(1);
  process.resident += 16 * MIB;
  look();
  expect(process.collections).toBe(2);
});

test("a large heap, whose collection would stop everything for long, is left to V8", () => {
  const { process, look } = open({ resident: 900 * MIB, heap: 600 * MIB });
  for (let looks = 0; looks < 5; looks += 1) look();
  expect(process.collections).toBe(0);
});
