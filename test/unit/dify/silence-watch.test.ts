import { expect, test, vi } from "vitest";
import { createSilenceWatch } from "../../../src/dify/silence-watch.ts";
import { SOON } from "../../support/soon.ts";
import { createManualClock } from "./manual-clock.ts";

function watched() {
  const clock = createManualClock();
  const silent: number[] = [];
  return { clock, silent, watch: createSilenceWatch(clock, (limitMs) => silent.push(limitMs)) };
}
/** Lets whoever was woken have their say. */
const settle = () => new Promise(setImmediate);

test("many short waits keep one sleep, and none of them is silence", async () => {
  const { clock, silent, watch } = watched();
  for (let wait = 0; wait < 100; wait += 1) {
    watch.begin(40);
    expect(clock.waiting()).toHaveLength(1);
    clock.advance(39);
    await settle();
    watch.end();
  }
  expect(silent).toEqual([]);
});

test("a wait that lasts is told once its own limit is over, not the limit of the one before", async () => {
  const { clock, silent, watch } = watched();
  watch.begin(40);
  clock.advance(30);
  watch.end();
  watch.begin(40);
  clock.advance(39);
  await settle();
  expect(silent).toEqual([]);
  clock.advance(1);
  await vi.waitFor(() => expect(silent).toEqual([40]), SOON);
});

test("a shorter limit is not kept waiting by the longer one before", async () => {
  const { clock, silent, watch } = watched();
  watch.begin(400);
  watch.end();
  watch.begin(40);
  clock.advance(40);
  await vi.waitFor(() => expect(silent).toEqual([40]), SOON);
});

test("nobody waits: between two waits, without a limit, and after the close", async () => {
  const { clock, silent, watch } = watched();
  watch.begin(40);
  watch.end();
  clock.advance(1_000);
  watch.begin(0);
  clock.advance(1_000);
  watch.end();
  watch.begin(40);
  watch.close();
  expect(clock.waiting()).toEqual([]);
  clock.advance(1_000);
  await settle();
  expect(silent).toEqual([]);
});
