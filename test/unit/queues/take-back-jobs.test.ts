import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { takeBackJobs } from "../../../queues/take-back-jobs.ts";
import { createManualClock } from "../dify/manual-clock.ts";

const EVERY_MS = 2_500;

/** @param look one look at the queue's server */
function start(look: () => Promise<string[]> = async () => []) {
  const clock = createManualClock();
  const stopping = new AbortController();
  const errors: unknown[] = [];
  let looks = 0;
  let rest = Promise.resolve();
  let wake = (): void => undefined;
  const backend = {
    moveStalledJobsToWait: () => {
      looks += 1;
      return look();
    },
  };
  const ended = takeBackJobs(
    {
      worker: { backend } as unknown as Parameters<typeof takeBackJobs>[0]["worker"], // all that is asked of it
      ...{ clock, everyMs: EVERY_MS },
      untilBusy: () => rest,
      onError: (error) => errors.push(error),
    },
    stopping.signal,
  );
  onTestFinished(async () => {
    stopping.abort(new Error("closing"));
    wake();
    await ended;
  });
  return {
    errors,
    /** Lets so many pauses pass. @returns how many looks there were in them */
    pass: async (pauses: number): Promise<number> => {
      const before = looks;
      for (let pause = 0; pause < pauses; pause += 1) {
        await turn();
        clock.advance(EVERY_MS);
      }
      await turn();
      return looks - before;
    },
    goToRest: () => {
      rest = new Promise((resolve) => {
        wake = resolve;
      });
    },
    goToWork: async (): Promise<number> => {
      const before = looks;
      wake();
      rest = Promise.resolve();
      await turn();
      return looks - before;
    },
  };
}

test("jobs of dead workers are looked for again and again while any process may be at work on some", async () => {
  const { pass } = start();
  expect(await pass(5)).toBe(5);
});

test("at rest nobody looks; the first look after it waits for no pause", async () => {
  const { pass, goToRest, goToWork } = start();
  goToRest();
  expect(await pass(20)).toBe(0);
  expect(await goToWork()).toBe(1);
  expect(await pass(3)).toBe(3);
});

test("a look that failed is told, and the next one comes all the same", async () => {
  let isAway = true;
  const { pass, errors } = start(async () => {
    if (isAway) throw new Error("away");
    return [];
  });
  await turn();
  expect(errors).toHaveLength(1);
  isAway = false;
  expect(await pass(2)).toBe(2);
  expect(errors).toHaveLength(1);
});

test("a look that failed is tried again even at rest, so that whoever was told learns that it is over", async () => {
  let isAway = true;
  const { pass, goToRest, errors } = start(async () => {
    if (isAway) throw new Error("away");
    return [];
  });
  goToRest();
  expect(await pass(2)).toBe(2);
  isAway = false;
  expect(await pass(1)).toBe(1);
  expect(await pass(5)).toBe(0);
  expect(errors).toHaveLength(3);
});
