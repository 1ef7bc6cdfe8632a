import { expect, test } from "vitest";
import { doTogether } from "../../../src/ledger/do-together.ts";

const refused = (code: string) => Object.assign(new Error("no"), { code });

test("what is asked while one is under way goes together with the next, and each gets its own answer", async () => {
  const groups: (readonly number[])[] = [];
  let open = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  const double = doTogether(async (all: readonly number[]) => {
    groups.push(all);
    if (groups.length === 1) await held;
    return all.map((one) => 2 * one);
  });
  const first = double(1);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const others = [double(2), double(3)];
  open();
  expect(await Promise.all([first, ...others])).toEqual([2, 4, 6]);
  expect(groups).toEqual([[1], [2, 3]]);
});

test("no more than allowed, and nothing twice under one name, goes in one", async () => {
  const groups: (readonly string[])[] = [];
  const keep = doTogether(
    async (all: readonly string[]) => {
      groups.push(all);
      return all;
    },
    { most: 2, nameOf: (one) => one },
  );
  await Promise.all(["a", "a", "b", "c"].map((one) => keep(one)));
  expect(groups).toEqual([
    ["a", "b"],
    ["a", "c"],
  ]);
});

test("one that the database refuses does not cost the others theirs", async () => {
  const keep = doTogether(async (all: readonly string[]) => {
    if (all.includes("bad")) throw new Error("failed", { cause: refused("22021") });
    return all;
  });
  const told = await Promise.allSettled(["a", "bad", "b"].map((one) => keep(one)));
  expect(told.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("of a connection that broke nobody knows what was written: nothing is written again", async () => {
  let calls = 0;
  const keep = doTogether(async (_all: readonly string[]) => {
    calls += 1;
    throw new Error("Connection terminated unexpectedly");
  });
  const told = await Promise.allSettled(["a", "b"].map((one) => keep(one)));
  expect(told.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(calls).toBe(1);
});

test("one whose rows somebody holds waits beside the line, and what is asked under its name comes after it", async () => {
  let isHeld = true;
  const written: string[] = [];
  const keep = doTogether(
    async (all: readonly string[]) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (isHeld && all.some((one) => one.startsWith("held"))) throw refused("55P03");
      written.push(...all);
      return all;
    },
    { nameOf: (one) => one.split(" ")[0] ?? "" },
  );
  const held = keep("held first");
  expect(await Promise.all([keep("a"), keep("b")])).toEqual(["a", "b"]);
  const next = keep("held second");
  // Also under the names of those that went in one with it.
  expect(await Promise.all([keep("a again"), keep("c")])).toEqual(["a again", "c"]);
  expect(written).toEqual(["a", "b", "a again", "c"]);
  isHeld = false;
  expect(await Promise.all([held, next])).toEqual(["held first", "held second"]);
  expect(written.slice(4)).toEqual(["held first", "held second"]);
});

test("however many of a group are held, the others wait for none of them but once", async () => {
  const waits: (number | undefined)[] = [];
  const keep = doTogether(
    async (all: readonly string[], patienceMs?: number) => {
      if (!all.some((one) => one.startsWith("held"))) return all;
      waits.push(patienceMs);
      throw refused("55P03");
    },
    { nameOf: (one) => one },
  );
  for (const one of ["held 1", "held 2", "held 3"]) keep(one).catch(() => undefined); // given up in the end
  await keep("a");
  const [whole, ...alone] = waits;
  expect(whole).toBeUndefined();
  expect(alone).toHaveLength(3);
  for (const patienceMs of alone) expect(patienceMs).toBeLessThan(100);
});

test("one whose rows are held for long is given up, with the database's words", async () => {
  const keep = doTogether(async (_all: readonly string[]) => {
    throw refused("55P03");
  });
  await expect(keep("a")).rejects.toThrow("no");
});

test("what only reads is held up by a locked table alone: all who asked are told, and it is asked no more", async () => {
  let calls = 0;
  const find = doTogether(
    async (_all: readonly string[]) => {
      calls += 1;
      throw refused("55P03");
    },
    { isRead: true },
  );
  const told = await Promise.allSettled(["a", "b"].map((one) => find(one)));
  expect(told.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(calls).toBe(1);
});
