import { expect, test } from "vitest";
import { createPlaces } from "../../../queues/places.ts";

const event = (key: string, workspaceId: string | null = "w") => ({ key, workspaceId });

function open(backlog: number) {
  const state = { nowMs: 0, tookMs: 0, backlog, asked: [] as string[][] };
  const placesOf = createPlaces({
    count: async (keys) => {
      state.asked.push([...keys]);
      state.nowMs += state.tookMs;
      return new Map(keys.map((key, index) => [key, state.backlog + index]));
    },
    clock: { now: () => state.nowMs },
  });
  return {
    state,
    placesOf: async (...events: ReturnType<typeof event>[]) => Object.fromEntries(await placesOf(events)),
  };
}

test("the ledger is asked of a workspace once a second; until then the next event comes behind the last", async () => {
  const { state, placesOf } = open(5);
  expect(await placesOf(event("a"), event("b"))).toEqual({ a: 5, b: 6 });
  expect(await placesOf(event("c"), event("x", "other"), event("d"))).toEqual({ c: 7, x: 5, d: 8 });
  expect(state.asked).toEqual([["a", "b"], ["x"]]);
  state.nowMs = 1_000;
  state.backlog = 0;
  expect(await placesOf(event("e"))).toEqual({ e: 0 });
});

test("where counting takes long, it is asked more rarely", async () => {
  const { state, placesOf } = open(5);
  state.tookMs = 100;
  await placesOf(event("a"));
  state.nowMs = 5_000;
  await placesOf(event("b"));
  expect(state.asked).toHaveLength(1);
  state.nowMs = 5_100;
  await placesOf(event("c"));
  expect(state.asked).toHaveLength(2);
});

test("one count that was held up puts off the next by ten seconds at most", async () => {
  const { state, placesOf } = open(5);
  state.tookMs = 60_000;
  await placesOf(event("a"));
  state.nowMs = 69_999;
  await placesOf(event("b"));
  expect(state.asked).toHaveLength(1);
  state.nowMs = 70_000;
  await placesOf(event("c"));
  expect(state.asked).toHaveLength(2);
});

test("workspaces that were counted one after the other are counted again together", async () => {
  const { state, placesOf } = open(5);
  state.tookMs = 100;
  await placesOf(event("a", "one"));
  state.nowMs = 3_000;
  await placesOf(event("b", "two"));
  expect(state.asked).toEqual([["a"], ["b"]]);
  state.nowMs = 5_500;
  expect(await placesOf(event("c", "one"))).toEqual({ c: 6 });
  state.nowMs = 8_100;
  await placesOf(event("d", "one"), event("e", "two"));
  expect(state.asked).toEqual([["a"], ["b"], ["d", "e"]]);
});

test("an event that tells of no workspace has no place, nor has one that the ledger does not know any more", async () => {
  const { placesOf } = open(5);
  expect(await placesOf(event("a", null))).toEqual({});
  const unknowing = createPlaces({ count: async () => new Map(), clock: { now: () => 0 } });
  expect(await unknowing([event("a")])).toEqual(new Map());
});
