import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createAccept } from "../../../src/ledger/accept.ts";
import type { AcceptedBatch } from "../../../src/ledger/accept-deliveries.ts";
import type { Intake } from "../../../src/ledger/intake.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";

const DELIVERY: Intake = {
  kind: "delivery",
  facts: { id: "d", receivedAtMs: 0, route: "fastio", bodyBytes: 1 },
  events: [],
};

const LATE = { key: "ev-late", type: "file.created", workspaceId: "w", actorUserId: null, objectId: null };

describe("a ledger that hangs", () => {
  test("makes the sender come again, and does not hold those who come later", async () => {
    const accept = createAccept({
      write: () => new Promise(() => undefined),
      log: silentLog,
      onCommitted: () => undefined,
      commitTimeoutMs: 20,
    });
    await expect(accept(DELIVERY)).rejects.toMatchObject({ code: "ledger_unavailable", retryable: true });
    await expect(accept(DELIVERY)).rejects.toMatchObject({ code: "ledger_unavailable" });
  });

  test("and commits after all has its events handed to the queue", async () => {
    let commit: (batch: AcceptedBatch) => void = () => undefined;
    const late = new Promise<AcceptedBatch>((resolve) => {
      commit = resolve;
    });
    const onCommitted = vi.fn();
    const accept = createAccept({
      write: () => late,
      log: silentLog,
      onCommitted,
      commitTimeoutMs: 20,
    });
    await expect(accept(DELIVERY)).rejects.toMatchObject({ code: "ledger_unavailable" });
    commit({ verdicts: ["accepted"], newEvents: [LATE], passedOver: [], isQueued: false });
    await vi.waitFor(
      () => expect(onCommitted).toHaveBeenCalledWith({ newEvents: [LATE], passedOver: [], isQueued: false }),
      SOON,
    );
  });

  test("has a bounded number of senders waiting", async () => {
    let answer: () => void = () => undefined;
    const hangs = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const accept = createAccept({
      write: async (batch) => {
        await hangs;
        return { verdicts: batch.map(() => "ignored"), newEvents: [], passedOver: [], isQueued: false };
      },
      log: silentLog,
      onCommitted: () => undefined,
    });
    const waiting = Array.from({ length: 20_000 }, () => accept(DELIVERY));
    await expect(accept(DELIVERY)).rejects.toMatchObject({ code: "ledger_unavailable" });
    answer();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["ignored"]));
  });
});

test.each([
  { commitsAtOnce: 1, begun: 1 },
  { commitsAtOnce: 2, begun: 2 },
])(
  "of commits that may be under way $commitsAtOnce at once, $begun are begun; who comes later waits for one to end",
  async (it) => {
    const ends: (() => void)[] = [];
    const accept = createAccept({
      write: (batch) =>
        new Promise((resolve) =>
          ends.push(() =>
            resolve({ verdicts: batch.map(() => "ignored"), newEvents: [], passedOver: [], isQueued: false }),
          ),
        ),
      log: silentLog,
      onCommitted: () => undefined,
      commitsAtOnce: it.commitsAtOnce,
    });
    const answers: Promise<unknown>[] = [];
    for (let begun = 1; begun <= it.begun; begun += 1) {
      answers.push(accept(DELIVERY));
      await vi.waitFor(() => expect(ends).toHaveLength(begun), SOON);
    }
    const [late, later] = [accept(DELIVERY), accept(DELIVERY)];
    ends[0]?.();
    await answers[0];
    // Both in one commit.
    await vi.waitFor(() => expect(ends).toHaveLength(it.begun + 1), SOON);
    for (const end of ends) end();
    expect(await Promise.all([...answers, late, later])).toEqual(Array(it.begun + 2).fill("ignored"));
  },
);

test("a commit keeps the next one waiting, which then has all that came meanwhile, as long as it does not take long", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const sizes: number[] = [];
  const ends: (() => void)[] = [];
  const accept = createAccept({
    write: (batch) =>
      new Promise((resolve) => {
        sizes.push(batch.length);
        ends.push(() =>
          resolve({ verdicts: batch.map(() => "ignored"), newEvents: [], passedOver: [], isQueued: false }),
        );
      }),
    log: silentLog,
    onCommitted: () => undefined,
    commitsAtOnce: 3,
  });
  const answers = [accept(DELIVERY)];
  await vi.advanceTimersByTimeAsync(2);
  answers.push(accept(DELIVERY), accept(DELIVERY));
  await vi.advanceTimersByTimeAsync(40);
  expect(sizes).toEqual([1]);
  ends[0]?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(sizes).toEqual([1, 2]);
  // This one takes long.
  answers.push(accept(DELIVERY));
  await vi.advanceTimersByTimeAsync(60);
  expect(sizes).toEqual([1, 2, 1]);
  for (const end of ends) end();
  expect(await Promise.all(answers)).toEqual(Array(4).fill("ignored"));
});

test("a failed commit is logged in the driver's words, without what was to be written", async () => {
  const lines: unknown[] = [];
  const log: Log = { ...silentLog, error: (event, fields) => lines.push({ event, ...fields }) };
  const accept = createAccept({
    write: () =>
      Promise.reject(new Error("Failed query: insert …\nparams: private", { cause: new Error("no space left") })),
    log,
    onCommitted: () => undefined,
  });
  await expect(accept(DELIVERY)).rejects.toMatchObject({ code: "ledger_unavailable" });
  expect(lines).toEqual([{ event: "ledger.commit_failed", intakes: 1, message: "no space left" }]);
});

test("commits that fail one after the other are told of together, and so is their end", async () => {
  const lines: unknown[] = [];
  const tell = (event: string, fields: object = {}) => lines.push({ event, ...fields });
  let nowMs = 0;
  let isFull = true;
  const accept = createAccept({
    write: async (batch) => {
      if (isFull) throw new Error("no space left");
      return { verdicts: batch.map(() => "ignored"), newEvents: [], passedOver: [], isQueued: false };
    },
    log: { ...silentLog, error: tell, info: tell },
    onCommitted: () => undefined,
    nowMs: () => nowMs,
  });
  for (const atMs of [0, 1_000, 2_000, 5_000, 6_000]) {
    nowMs = atMs;
    await expect(accept(DELIVERY)).rejects.toMatchObject({ code: "ledger_unavailable" });
  }
  isFull = false;
  await accept(DELIVERY);
  await accept(DELIVERY);
  const failed = { event: "ledger.commit_failed", message: "no space left" };
  expect(lines).toEqual([
    { ...failed, intakes: 1 },
    { ...failed, intakes: 3 },
    { event: "ledger.commits_again", untold: 1 },
  ]);
});
