import { expect, test } from "vitest";
import { createInFlight } from "../../../src/routes/in-flight.ts";

test("so many requests are answered at a time, and one more when one of them has been", () => {
  const inFlight = createInFlight({ requests: 2, bytes: 1_000 });
  expect([inFlight.enter(1), inFlight.enter(1), inFlight.enter(1)]).toEqual([true, true, false]);
  inFlight.leave(1);
  expect([inFlight.enter(1), inFlight.enter(1)]).toEqual([true, false]);
});

test("their bodies together are bounded; a single one is let in whatever its size", () => {
  const inFlight = createInFlight({ requests: 10, bytes: 100 });
  expect(inFlight.enter(150)).toBe(true);
  expect(inFlight.enter(1)).toBe(false);
  inFlight.leave(150);
  expect([inFlight.enter(60), inFlight.enter(41), inFlight.enter(40)]).toEqual([true, false, true]);
});
