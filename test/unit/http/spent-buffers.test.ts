import { expect, test } from "vitest";
import { createSpentBuffers } from "../../../src/http/spent-buffers.ts";
import { type Garbage, openCollector } from "../../../src/runtime/collect-garbage.ts";

const MIB = 1_048_576;

test("what came in is collected now and then, and who sees small answers alone asks for nothing", () => {
  const collected: Garbage[] = [];
  let opened = 0;
  const cameIn = createSpentBuffers(() => {
    opened += 1;
    return (garbage) => void collected.push(garbage);
  });
  for (let index = 0; index < 15; index += 1) cameIn(MIB);
  expect({ opened, collected }).toEqual({ opened: 0, collected: [] });
  for (let index = 0; index < 33; index += 1) cameIn(MIB);
  expect({ opened, collected }).toEqual({ opened: 1, collected: ["young", "young", "young"] });
});

test("a runtime without a collector is not asked twice", () => {
  let opened = 0;
  const cameIn = createSpentBuffers(() => {
    opened += 1;
    return undefined;
  });
  cameIn(16 * MIB);
  cameIn(16 * MIB);
  expect(opened).toBe(1);
});

test("a collection of the young frees buffers that nobody holds", () => {
  const collect = openCollector();
  const before = process.memoryUsage().arrayBuffers;
  for (let index = 0; index < 128; index += 1) Buffer.allocUnsafeSlow(MIB / 8);
  const spent = process.memoryUsage().arrayBuffers - before;
  collect?.("young");
  // Another thread frees them; V8 counts that with the next one.
  collect?.("young");
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(spent / 2);
});
