import { expect, test } from "vitest";
import { createInFlight } from "../../../src/routes/in-flight.ts";

test("so many requests are answered at a time, and one more when one of them has been", () => {
  const inFlight = createInFlight({ requests: 2, bytes: 1_000 });
  expect([inFlight.enter(), inFlight.isFull(), inFlight.enter(), inFlight.isFull()]).toEqual([true, false, true, true]);
  expect(inFlight.enter()).toBe(false);
  inFlight.leave();
  expect([inFlight.isFull(), inFlight.enter(), inFlight.enter()]).toEqual([false, true, false]);
});

test("what has come of their bodies is bounded, whichever they belong to; what is not kept does not count", () => {
  const inFlight = createInFlight({ requests: 10, bytes: 100 });
  expect([inFlight.keep(60), inFlight.keep(41), inFlight.keep(40), inFlight.keep(1)]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  inFlight.drop(60);
  expect([inFlight.keep(61), inFlight.keep(60)]).toEqual([false, true]);
});
