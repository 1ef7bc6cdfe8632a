import { expect, test } from "vitest";
import { createGiver, RESTFUL_LOOKS } from "../../../src/runtime/give-back-memory.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const MIB = 1_048_576;

/** A process that holds so much, and half of it after a collection. */
function open({ resident = 200 * MIB, heap = 40 * MIB } = {}) {
  const process = { worked: 0, resident, heap, collections: 0, kept: 0 };
  const look = createGiver(
    {
      workedPart: () => process.worked,
      residentBytes: () => process.resident,
      heapBytes: () => process.heap,
      keepCompiled: () => {
        process.kept += 1;
      },
      collect: () => {
        process.collections += 1;
        process.resident /= 2;
      },
    },
    silentLog,
  );
  const rest = (looks = RESTFUL_LOOKS): void => {
    for (let index = 0; index < looks; index += 1) look();
  };
  return { process, look, rest };
}

test("a process that rests gives back what it holds, once", () => {
  const { process, look, rest } = open();
  rest(RESTFUL_LOOKS - 1);
  expect(process.collections).toBe(0);
  look();
  rest();
  expect(process.collections).toBe(1);
});

test("a process at work is left alone, and one that works now and then, too", () => {
  const { process, look, rest } = open();
  for (const worked of [0.5, 0.2, 0.3, 0.9]) {
    process.worked = 0;
    rest(RESTFUL_LOOKS - 1);
    process.worked = worked;
    look();
  }
  expect(process.collections).toBe(0);
});

test("it is done again when the process has grown since, and not for a little", () => {
  const { process, look, rest } = open();
  rest();
  process.resident += 8 * MIB;
  rest();
  expect(process.collections).toBe(1);
  process.resident += 16 * MIB;
  look();
  expect(process.collections).toBe(2);
});

test("a large heap, whose collection would stop everything for long, is left to V8", () => {
  const { process, rest } = open({ resident: 900 * MIB, heap: 600 * MIB });
  rest();
  expect(process.collections).toBe(0);
});

test("what was compiled is kept as soon as there is a moment, once, so that a killed process starts quickly", () => {
  const { process, look, rest } = open();
  process.worked = 0.5;
  rest();
  expect(process.kept).toBe(0);
  process.worked = 0;
  rest();
  look();
  expect(process.kept).toBe(1);
});
