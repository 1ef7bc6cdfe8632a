import { describe, expect, test, vi } from "vitest";
import type { ToldRun } from "../../soak/ask-relay.ts";
import { createLoad } from "../../soak/drop-files.ts";
import { carryOut } from "../../soak/incidents.ts";
import { createSeeded } from "../../soak/seeded.ts";
import { SOON } from "../../support/soon.ts";
import type { TcpLine } from "../../support/tcp-line.ts";

type Dropped = { readonly folder: string; readonly name: string };

function loadAt(rate: number) {
  const dropped: Dropped[] = [];
  const load = createLoad({ drop: async (file) => void dropped.push(file) }, rate, createSeeded("a"));
  return { load, dropped };
}

const toldOf = (file: string, change: Partial<ToldRun> = {}): ToldRun => ({
  id: `run of ${file}`,
  file,
  status: "delivered",
  share: "http://fast.io/1",
  error: null,
  updatedAtMs: 1,
  finishedAtMs: Date.now() + 1_000,
  ...change,
});

describe("the load", () => {
  test("drops at an even pace until it is told to end", async () => {
    const { load, dropped } = loadAt(100);
    const ending = new AbortController();
    const beganMs = Date.now();
    const running = load.run(ending.signal);
    await vi.waitFor(() => expect(dropped.length).toBeGreaterThanOrEqual(20), SOON);
    expect(Date.now() - beganMs).toBeGreaterThanOrEqual(180);
    ending.abort();
    await running;
    expect(load.drops).toHaveLength(dropped.length);
  });

  test("a file is owed until the ledger tells that it was delivered after the drop", async () => {
    const { load } = loadAt(1_000);
    const ending = new AbortController();
    const running = load.run(ending.signal);
    await vi.waitFor(() => expect(load.owed()).toBeGreaterThan(0), SOON);
    ending.abort();
    await running;
    const taken = load.drops.filter(({ isTaken }) => isTaken);
    const [first] = taken;
    if (!first) throw new Error("nothing was taken");
    expect(load.owed()).toBe(taken.length);
    load.hear([toldOf(first.name, { status: "running", finishedAtMs: null }), toldOf(first.name, { finishedAtMs: 5 })]);
    expect(load.owed()).toBe(taken.length);
    load.hear([toldOf(first.name), toldOf(first.name)]);
    expect(load.owed()).toBe(taken.length - 1);
    expect(load.delivered).toHaveLength(1);
  });

  test("a file that cannot be dropped ends it, since the books would not fit", async () => {
    const refuse = async (): Promise<void> => {
      throw new Error("no room");
    };
    const load = createLoad({ drop: refuse }, 1_000, createSeeded("a"));
    await expect(load.run(new AbortController().signal)).rejects.toThrow("no room");
  });
});

describe("the incidents", () => {
  test("a line that is cut is mended, also when all is over meanwhile, and each is counted", async () => {
    const deeds: string[] = [];
    const line = { cut: async () => void deeds.push("cut"), mend: async () => void deeds.push("mend") };
    const ending = new AbortController();
    const counts: Record<string, number> = {};
    const carrying = carryOut(
      [
        { atMs: 0, incident: { kind: "rules" } },
        { atMs: 0, incident: { kind: "wrong_rules", ms: 1 } },
        { atMs: 0, incident: { kind: "cut", line: "redis", ms: 600_000 } },
        { atMs: 600_000, incident: { kind: "rules" } },
      ],
      {
        lines: { redis: line as unknown as TcpLine }, // what is done to it
        writeRules: (edition) => void deeds.push(`edition ${edition}`),
      },
      counts,
      ending.signal,
    );
    await vi.waitFor(() => expect(deeds).toContain("cut"), SOON);
    ending.abort();
    await carrying;
    expect(deeds).toEqual(["edition 1", "edition undefined", "edition 1", "cut", "mend"]);
    expect(counts).toEqual({ "rules changed": 1, "rules file wrong for a while": 1, "line to redis cut": 1 });
  });
});
