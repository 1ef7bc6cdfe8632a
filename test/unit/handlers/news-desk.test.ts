import { describe, expect, test, vi } from "vitest";
import { createNewsDesk, type Listener } from "../../../handlers/news-desk.ts";
import type { Clock } from "../../../src/clock.ts";
import { type Signs, TOPICS } from "../../../src/ledger/news.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";

const NOW_MS = 1_764_000_000_000;
const QUIET: Signs = {
  runs: new Map(),
  more: false,
  marks: { deliveries: 0, events: 0, rules: 0, shares: 0, audit: 0, bulk: 0, alerts: 0 },
};
const changed = (...ids: readonly string[]): Signs["runs"] => new Map(ids.map((id) => [id, NOW_MS]));

/** A desk over a ledger whose signs a test sets; `look` lets the watcher look once more. */
function openDesk(mostListeners?: number) {
  let signs: Signs | Error = QUIET;
  let looks = 0;
  const sleeping: { readonly ms: number; readonly done: () => void }[] = [];
  const clock: Clock = {
    now: () => NOW_MS,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleeping.push({ ms, done: resolve });
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  };
  const readSigns = async (): Promise<Signs> => {
    looks += 1;
    if (signs instanceof Error) throw signs;
    return signs;
  };
  const pass = (lasts: (ms: number) => boolean): void => {
    for (const one of sleeping.splice(0)) {
      if (lasts(one.ms)) one.done();
      else sleeping.push(one);
    }
  };
  const desk = createNewsDesk({ readSigns, clock, log: silentLog }, mostListeners);
  return {
    desk,
    looks: () => looks,
    look: async (next: Partial<Signs> | Error): Promise<void> => {
      signs = next instanceof Error ? next : { ...QUIET, ...next };
      const before = looks;
      pass((ms) => ms < 10_000);
      await vi.waitFor(() => expect(looks).toBe(before + 1), SOON);
      await new Promise(setImmediate); // the news is told after the look
    },
    beat: () => pass((ms) => ms > 10_000),
    join: async (sinceMs = NOW_MS + 1): Promise<Listener> => {
      const listener = desk.listen(sinceMs);
      if (!listener) throw new Error("no seat");
      await new Promise(setImmediate);
      return listener;
    },
  };
}

describe("who listens", () => {
  test("hears which runs changed, once, and of what else something was written down", async () => {
    const it = openDesk();
    const listener = await it.join();
    const first = listener.next();
    await it.look({ runs: changed("r1", "r2") });
    expect(await first).toEqual({ topics: ["runs"], runs: ["r1", "r2"] });
    const second = listener.next();
    await it.look({ runs: changed("r1", "r2"), marks: { ...QUIET.marks, rules: 7, audit: 7 } });
    expect(await second).toEqual({ topics: ["rules", "audit"], runs: [] });
    it.desk.close();
  });

  test("hears what changed since their page was made, though nothing does now", async () => {
    const it = openDesk();
    const early = await it.join();
    const heard = early.next();
    await it.look({ runs: changed("r1") });
    await heard;
    const late = await it.join(NOW_MS - 5);
    const told = late.next();
    await it.look({ runs: changed("r1") });
    expect(await told).toEqual({ topics: ["runs"], runs: ["r1"] });
    const old = await it.join(NOW_MS - 3_600_000);
    const all = old.next();
    await it.look({ runs: changed("r1") });
    expect(await all).toEqual({ topics: TOPICS, runs: null });
    it.desk.close();
  });

  test("and is slow hears it all at once; of very many runs, that there are many", async () => {
    const it = openDesk();
    const listener = await it.join();
    await it.look({});
    await it.look({ runs: changed("r1") });
    await it.look({ runs: changed("r1", "r2"), marks: { ...QUIET.marks, events: 3 } });
    expect(await listener.next()).toEqual({ topics: ["runs", "events"], runs: ["r1", "r2"] });
    await it.look({ runs: changed(...Array.from({ length: 101 }, (_, index) => `n${index}`)) });
    expect(await listener.next()).toEqual({ topics: ["runs", "events"], runs: null });
    await it.look({ more: true });
    expect(await listener.next()).toEqual({ topics: ["runs"], runs: null });
    it.desk.close();
  });

  test("hears a beat when nothing changes, and of everything when the ledger was away", async () => {
    const it = openDesk();
    const listener = await it.join();
    await it.look({});
    const silence = listener.next();
    await new Promise(setImmediate);
    it.beat();
    expect(await silence).toBe("beat");
    const outage = listener.next();
    await it.look(new Error("away"));
    await it.look({});
    expect(await outage).toEqual({ topics: TOPICS, runs: null });
    it.desk.close();
  });

  test("is told of the end", async () => {
    const it = openDesk();
    const [one, other] = [await it.join(), await it.join()];
    const [first, second] = [one.next(), other.next()];
    one.end();
    expect(await first).toBeUndefined();
    it.desk.close();
    expect(await second).toBeUndefined();
    expect(await other.next()).toBeUndefined();
    expect(it.desk.listen(NOW_MS)).toBeUndefined();
  });
});

test("nobody looks at the ledger while nobody listens, and one does for many", async () => {
  const it = openDesk();
  expect(it.looks()).toBe(0);
  const listeners = [await it.join(), await it.join(), await it.join()];
  await it.look({});
  expect(it.looks()).toBe(2);
  for (const listener of listeners) listener.end();
  await new Promise(setImmediate);
  expect(it.looks()).toBe(2);
  await it.join();
  expect(it.looks()).toBe(3);
  it.desk.close();
});

test("only so many listen, and a seat that was left is free", async () => {
  const it = openDesk(2);
  const first = await it.join();
  await it.join();
  expect(it.desk.listen(NOW_MS)).toBeUndefined();
  first.end();
  expect(it.desk.listen(NOW_MS)).toBeDefined();
  it.desk.close();
});
