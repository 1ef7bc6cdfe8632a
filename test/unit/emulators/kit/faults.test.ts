import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createFaults } from "../../../../src/emulators/kit/faults.ts";
import { createRandom } from "../../../../src/emulators/kit/random.ts";
import { createScaledTime } from "../../../../src/emulators/kit/time.ts";

const status = { kind: "status", status: 503 } as const;
const get = { method: "GET", path: "/v1/things?page=2" };

function makeRegistry(random: () => number = () => 0.5) {
  let ids = 0;
  return createFaults({
    random,
    newId: () => `fault-${++ids}`,
    extra: z.strictObject({ kind: z.literal("silence"), ms: z.number() }),
  });
}

describe("matching", () => {
  test.each([
    { match: {}, due: true },
    { match: { method: "get" }, due: true },
    { match: { method: "POST" }, due: false },
    { match: { path: "things" }, due: true },
    { match: { path: "page=2" }, due: true },
    { match: { path: "/things$/" }, due: true },
    { match: { path: "/^things/" }, due: false },
    { match: { probability: 0.6 }, due: true },
    { match: { probability: 0.5 }, due: false },
  ])("$match is due: $due", ({ match, due }) => {
    const faults = makeRegistry();
    faults.add({ match, action: status });
    expect(faults.takeCommon(get)).toHaveLength(due ? 1 : 0);
  });

  test("skip lets the first pass and times ends it", () => {
    const faults = makeRegistry();
    faults.add({ skip: 1, times: 2, action: status });
    expect([1, 2, 3, 4].map(() => faults.takeCommon(get).length)).toEqual([0, 1, 1, 0]);
  });

  test("times 0 fires for ever", () => {
    const faults = makeRegistry();
    faults.add({ times: 0, action: status });
    expect([1, 2, 3].map(() => faults.takeCommon(get).length)).toEqual([1, 1, 1]);
  });

  test("an emulator's own actions are counted only where it asks for them", () => {
    const faults = makeRegistry();
    faults.add({ action: { kind: "silence", ms: 5 } });
    expect(faults.takeCommon(get)).toEqual([]);
    expect(faults.takeExtra(get, ["silence"])).toEqual([{ kind: "silence", ms: 5 }]);
    expect(faults.takeExtra(get, ["silence"])).toEqual([]);
  });
});

test.each([
  { action: { kind: "nothing" } },
  { action: { kind: "status", status: 99 } },
  { action: status, surprise: true },
  { action: status, match: { path: "/(/" } },
  "text",
])("what is no fault is refused in words: %j", (input) => {
  const faults = makeRegistry();
  expect(faults.addUnknown(input)).toEqual({ ok: false, problem: expect.stringMatching(/\S/) });
  expect(faults.list()).toEqual([]);
});

test("one wrong fault keeps the whole array out", () => {
  const faults = makeRegistry();
  expect(faults.addUnknown([{ action: status }, { action: {} }]).ok).toBe(false);
  expect(faults.list()).toEqual([]);
});

test("the same seed gives the same ids, another seed others", () => {
  const first = createRandom("a");
  const second = createRandom("a");
  expect([first.uuid(), first.hex(6)]).toEqual([second.uuid(), second.hex(6)]);
  expect(createRandom("b").uuid()).not.toBe(createRandom("a").uuid());
  expect(createRandom("c").uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(createRandom("d").digits(19)).toMatch(/^[1-9]\d{18}$/);
});

test("scaled time shortens what lasts and leaves what is", async () => {
  const slept: number[] = [];
  const clock = {
    now: () => 1_705_407_629_000,
    sleep: (ms: number) => {
      slept.push(ms);
      return Promise.resolve();
    },
  };
  const time = createScaledTime({ clock, scale: 60 });
  await time.sleep(3_600_000);
  expect(slept).toEqual([60_000]);
  expect(time.now()).toBe(1_705_407_629_000);
  expect(() => createScaledTime({ clock, scale: 0 })).toThrow(RangeError);
});
