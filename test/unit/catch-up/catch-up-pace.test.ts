import { describe, expect, test } from "vitest";
import { backoffMs } from "../../../src/catch-up/backoff.ts";
import { diffListing } from "../../../src/catch-up/diff-listing.ts";
import { createLatch } from "../../../src/catch-up/latch.ts";
import { BURST_WINDOW_MS, createBurstDetector, graceMs, restMs } from "../../../src/catch-up/pace.ts";
import { isUsable, passOver, TRY_AGAIN_AFTER_MS } from "../../../src/catch-up/source-memory.ts";
import { TransientError } from "../../../src/errors.ts";

const NOW_MS = 1_000_000_000;
const signs = (badSignatures: number, lastVerifiedAtMs?: number) => ({ badSignatures, lastVerifiedAtMs });

test("a source that was closed is passed over for an hour, and the others are not", () => {
  const memory = passOver(passOver({}, "changes", NOW_MS), "search", NOW_MS + 1);
  const usable = (atMs: number) =>
    (["changes", "search", "listing"] as const).filter((one) => isUsable(memory, one, atMs));
  expect(usable(NOW_MS + 2)).toEqual(["listing"]);
  expect(usable(NOW_MS + TRY_AGAIN_AFTER_MS)).toEqual(["changes", "listing"]);
});

describe("the pace", () => {
  test("webhooks that are alive get time to tell it themselves; silent ones do not", () => {
    expect(graceMs(signs(0, NOW_MS - 1_000), NOW_MS)).toBeGreaterThan(1_000);
    expect(graceMs(signs(0, NOW_MS - 3_600_000), NOW_MS)).toBeLessThan(1_000);
    expect(graceMs(signs(0), NOW_MS)).toBeLessThan(1_000);
  });

  test("a slow pull is followed by a rest as long, within bounds", () => {
    expect([0, 5_000, 600_000].map(restMs)).toEqual([1_000, 5_000, 60_000]);
  });

  test("a burst of refused signatures is noticed once a window; a few are not", () => {
    const isBurst = createBurstDetector();
    expect(isBurst(signs(2), NOW_MS)).toBe(false);
    expect(isBurst(signs(9), NOW_MS)).toBe(true);
    expect(isBurst(signs(90), NOW_MS + 1)).toBe(false);
    expect(isBurst(signs(90), NOW_MS + BURST_WINDOW_MS)).toBe(true);
  });

  test("failures in a row wait longer, up to a minute, and as long as Fast.io asks", () => {
    const waits = [1, 2, 3, 20].map((failures) => backoffMs(failures, undefined, () => 1));
    expect(waits).toEqual([1_000, 2_000, 4_000, 60_000]);
    const asked = new TransientError("rate_limited", "slower", { failure: "throttled", retryAfterMs: 90_000 });
    expect(backoffMs(1, asked, () => 0)).toBe(90_000);
  });
});

describe("the latch", () => {
  const never = (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  const { signal } = new AbortController();

  test("keeps what it was opened for until somebody passes", async () => {
    const latch = createLatch(never);
    latch.open("a");
    latch.open("b");
    latch.open("a");
    expect(await latch.pass(1_000, signal)).toEqual(["a", "b"]);
    const waiting = latch.pass(1_000, signal);
    latch.open("c");
    expect(await waiting).toEqual(["c"]);
  });

  test("lets pass when the time is over, and ends with its signal", async () => {
    expect(await createLatch(async () => undefined).pass(1, signal)).toEqual([]);
    const stop = new AbortController();
    const waiting = createLatch(never).pass(1_000, stop.signal);
    stop.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
  });
});

describe("two listings", () => {
  const node = (nodeId: string, change = {}) => ({
    nodeId,
    versionId: "v1",
    parentId: "root",
    name: "a.txt",
    ...change,
  });
  const known = new Map([node("same"), node("edited"), node("moved"), node("gone")].map((one) => [one.nodeId, one]));
  const seen = [node("same"), node("edited", { versionId: "v2" }), node("moved", { parentId: "f" }), node("new")];

  test("tell what came, changed, moved and went", () => {
    const diff = diffListing(known, seen, true);
    expect(diff.changes.map(({ node: { nodeId }, type }) => `${nodeId} ${type}`)).toEqual([
      "edited file.version_added",
      "moved file.moved",
      "new file.created",
    ]);
    expect(diff.gone).toEqual(["gone"]);
  });

  test("that were cut short call nothing gone", () => {
    expect(diffListing(known, [], false)).toEqual({ changes: [], changed: [], gone: [] });
  });
});
