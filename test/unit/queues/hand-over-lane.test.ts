import { expect, test, vi } from "vitest";
import { createLane } from "../../../queues/hand-over-lane.ts";
import { systemClock } from "../../../src/clock.ts";
import { SOON } from "../../support/soon.ts";

/** Hand-overs that end when the test says so. */
function open(clock = systemClock) {
  const handed: number[][] = [];
  const ends: ((could: boolean) => void)[] = [];
  const lane = createLane<number>({
    clock,
    hand: (items) => {
      handed.push([...items]);
      return new Promise((resolve) => ends.push(resolve));
    },
  });
  return { lane, handed, end: (could: boolean) => ends.shift()?.(could) };
}

/** The turn of the event loop is over in which something was taken. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

test("whoever brings something goes on before it is handed over", async () => {
  const { lane, handed } = open();
  lane.take([1]);
  for (let step = 0; step < 100; step += 1) await undefined;
  expect(handed).toEqual([]);
  await turn();
  expect(handed).toEqual([[1]]);
});

test("what comes is handed over together, and what comes meanwhile together with the next", async () => {
  const { lane, handed, end } = open();
  lane.take([1]);
  await turn();
  expect(handed).toEqual([[1]]);
  lane.take([2]);
  lane.take([3, 4]);
  expect(handed).toEqual([[1]]);
  end(true);
  await vi.waitFor(() => expect(handed).toEqual([[1], [2, 3, 4]]), SOON);
  end(true);
});

test("bulks are bounded, and nothing is handed over twice or out of order", async () => {
  const { lane, handed, end } = open();
  lane.take(upTo(1_200));
  for (let bulks = 1; bulks <= 3; bulks += 1) {
    await vi.waitFor(() => expect(handed).toHaveLength(bulks), SOON);
    end(true);
  }
  expect(handed.flat()).toEqual(upTo(1_200));
  expect(Math.max(...handed.map(({ length }) => length))).toBe(500);
});

test("it does not flow after a failure, nor with many waiting, and flows again when all is well", async () => {
  const { lane, handed, end } = open({ ...systemClock, sleep: async () => undefined });
  expect(lane.isFlowing()).toBe(true);
  lane.take([1]);
  await turn();
  end(false);
  await vi.waitFor(() => expect(lane.isFlowing()).toBe(false), SOON);
  lane.take(upTo(2_400));
  await vi.waitFor(() => expect(handed).toHaveLength(2), SOON);
  end(true);
  await vi.waitFor(() => expect(handed).toHaveLength(3), SOON);
  expect(lane.isFlowing()).toBe(true);
  lane.take(upTo(1_000));
  expect(lane.isFlowing()).toBe(false);
});

test("a queue that is away is asked again after a rest, not at once", async () => {
  let wake = (): void => undefined;
  const sleep = vi.fn(() => new Promise<void>((resolve) => (wake = resolve)));
  const { lane, handed, end } = open({ ...systemClock, sleep });
  lane.take([1]);
  await turn();
  lane.take([2]);
  end(false);
  await vi.waitFor(() => expect(sleep).toHaveBeenCalledOnce(), SOON);
  expect(handed).toEqual([[1]]);
  wake();
  await vi.waitFor(() => expect(handed).toEqual([[1], [2]]), SOON);
  end(true);
});

test("memory is bounded: what is more than may wait is left to the sweep", async () => {
  const { lane, handed, end } = open();
  lane.take([-1]);
  await turn();
  lane.take(upTo(30_000));
  for (let bulks = 1; bulks <= 41; bulks += 1) {
    await vi.waitFor(() => expect(handed).toHaveLength(bulks), SOON);
    end(true);
  }
  await turn();
  expect(handed.flat()).toHaveLength(1 + 20_000);
});
