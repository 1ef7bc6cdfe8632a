import { expect, test } from "vitest";
import { createLazy } from "../../src/lazy.ts";

test("what is lazy is made once, for the first who ask, and not before", async () => {
  let made = 0;
  const lazy = createLazy(async () => {
    made += 1;
    return `number ${made}`;
  });
  expect(lazy.opened()).toBeUndefined();
  expect(await Promise.all([lazy.open(), lazy.open()])).toEqual(["number 1", "number 1"]);
  expect(await lazy.open()).toBe("number 1");
  expect(lazy.opened()).toBe("number 1");
});

test("what could not be made is tried again by the next who asks", async () => {
  let tries = 0;
  const lazy = createLazy(async () => {
    tries += 1;
    if (tries === 1) throw new Error("a file is missing");
    return "made";
  });
  await expect(lazy.open()).rejects.toThrow("a file is missing");
  expect(lazy.opened()).toBeUndefined();
  expect(await lazy.open()).toBe("made");
});
