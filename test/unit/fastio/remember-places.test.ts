import { expect, test } from "vitest";
import type { Clock } from "../../../src/clock.ts";
import { createFastio } from "../../../src/fastio/client/create-fastio.ts";
import { rememberPlaces } from "../../../src/fastio/remember-places.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const signal = new AbortController().signal;

function remembering(findMemberEmail: (id: string) => Promise<string | undefined>) {
  let now = 0;
  const clock: Clock = { now: () => now, sleep: async () => {} };
  const fastio = createFastio({
    send: () => Promise.reject(new Error("nothing is sent")),
    baseUrl: "https://api.example/current",
    apiKey: "KEY",
    dialect: "auto",
    clock,
    random: () => 0,
    log: silentLog,
  });
  const { findMemberEmail: find } = rememberPlaces(
    { ...fastio, findMemberEmail: (_workspace, id) => findMemberEmail(id) },
    clock,
  );
  return {
    find: (id: string) => find("3", id, signal),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("an address is asked for once in five minutes, and so is that there is none", async () => {
  const asked: string[] = [];
  const { find, pass } = remembering(async (id) => {
    asked.push(id);
    return id === "7" ? "a@b.c" : undefined;
  });
  for (let at = 0; at < 3; at += 1) {
    expect(await find("7")).toBe("a@b.c");
    expect(await find("8")).toBeUndefined();
  }
  expect(asked).toEqual(["7", "8"]);
  pass(300_000);
  await find("7");
  expect(asked).toEqual(["7", "8", "7"]);
});

test("a failure is not remembered", async () => {
  let calls = 0;
  const { find } = remembering(async () => {
    calls += 1;
    if (calls === 1) throw new Error("away");
    return "a@b.c";
  });
  await expect(find("7")).rejects.toThrow("away");
  expect(await find("7")).toBe("a@b.c");
});

test("a thousand addresses are kept, and the oldest goes first", async () => {
  const asked: string[] = [];
  const { find } = remembering(async (id) => {
    asked.push(id);
    return undefined;
  });
  for (let id = 0; id <= 1_000; id += 1) await find(String(id));
  await find("1000");
  expect(asked).toHaveLength(1_001);
  await find("0");
  expect(asked).toHaveLength(1_002);
});

test("a folder is read and entered once in five seconds, unless it is to be looked for anew", async () => {
  let now = 0;
  const clock: Clock = { now: () => now, sleep: async () => {} };
  const asked: string[] = [];
  const told = (what: string) => async (_place: unknown, id: string) => {
    asked.push(`${what} ${id}`);
    return { id, kind: "folder", name: id, parentId: "root", deleted: false } as const;
  };
  const fastio = createFastio({
    send: () => Promise.reject(new Error("nothing is sent")),
    baseUrl: "https://api.example/current",
    apiKey: "KEY",
    dialect: "auto",
    clock,
    random: () => 0,
    log: silentLog,
  });
  const { readFolder, enterFolder } = rememberPlaces(
    { ...fastio, readNode: told("read"), createFolder: told("make") },
    clock,
  );
  const top = { workspaceId: "3", parentId: "root" };
  for (let at = 0; at < 2; at += 1) {
    await readFolder("3", "2a", signal);
    await enterFolder(top, "Outputs", { fresh: false }, signal);
  }
  expect(asked.splice(0)).toEqual(["read 2a", "make Outputs"]);
  await enterFolder(top, "Outputs", { fresh: true }, signal);
  now += 5_000;
  await readFolder("3", "2a", signal);
  await enterFolder({ ...top, workspaceId: "4" }, "Outputs", { fresh: false }, signal);
  expect(asked).toEqual(["make Outputs", "read 2a", "make Outputs"]);
});
