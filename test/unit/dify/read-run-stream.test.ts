import { getEventListeners } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { type RunStreamOptions, readRunStream } from "../../../src/dify/read-run-stream.ts";
import type { DifyRunEvent } from "../../../src/dify/types.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";

const OPTIONS: RunStreamOptions = {
  clock: systemClock,
  log: silentLog,
  silence: { beforeWorkMs: 0, atWorkMs: 0 },
};

const frame = (body: object): string => `data: ${JSON.stringify(body)}\n\n`;
const PING = "event: ping\n\n";
const ids = { workflow_run_id: "RUN", task_id: "TASK" };
const started = frame({ event: "workflow_started", ...ids, data: { id: "RUN" } });
const finished = frame({
  event: "workflow_finished",
  ...ids,
  data: { status: "succeeded", outputs: { summary: "fine" }, error: null, elapsed_time: 0.2, total_steps: 3 },
});
const finishedEvent = {
  kind: "finished",
  status: "succeeded",
  outputs: { summary: "fine" },
  totalSteps: 3,
  elapsedMs: 200,
};

async function collect(
  body: Readable,
  options: Partial<RunStreamOptions> = {},
  signal = new AbortController().signal,
): Promise<{ events: DifyRunEvent[]; error: unknown }> {
  const events: DifyRunEvent[] = [];
  try {
    for await (const event of readRunStream(body, { ...OPTIONS, ...options }, signal)) events.push(event);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

const bodyOf = (...pieces: string[]): Readable => Readable.from(pieces.map((piece) => Buffer.from(piece)));
const kinds = (events: readonly DifyRunEvent[]): string[] => events.map((event) => event.kind);

describe("the end of a run", () => {
  test("a whole run is told to its finish, cut at any byte", async () => {
    const node = frame({ event: "node_finished", ...ids, data: { title: "Größe", status: "succeeded" } });
    const bytes = Buffer.from(PING + started + node + finished);
    for (let size = 1; size <= bytes.length; size += 1) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      const { events, error } = await collect(Readable.from(pieces));
      expect(error).toBeUndefined();
      // A ping may come in one piece with what says more.
      expect(events.filter(({ kind }) => kind !== "ping")).toEqual([
        { kind: "handles", workflowRunId: "RUN", taskId: "TASK" },
        { kind: "node", phase: "finished", nodeId: "Größe", executionId: "Größe", title: "Größe", status: "succeeded" },
        finishedEvent,
      ]);
    }
  });

  test.each([
    { what: "finished", last: finished },
    { what: "error", last: frame({ event: "error", message: "topic is required in input form", status: 500 }) },
    { what: "paused", last: frame({ event: "workflow_paused", ...ids, data: { reasons: [] } }) },
  ])("$what ends the stream while the server still holds it open", async ({ what, last }) => {
    const body = new PassThrough();
    body.write(started + last);
    const { events, error } = await collect(body);
    expect(error).toBeUndefined();
    expect(events.at(-1)?.kind).toBe(what);
    expect(body.destroyed).toBe(true);
  });

  test("a body that ends before the run does is truncated", async () => {
    const { events, error } = await collect(bodyOf(started));
    expect(kinds(events)).toEqual(["handles"]);
    expect(error).toMatchObject({ code: "stream_truncated", retryable: true });
  });

  test("a body that breaks is a lost connection", async () => {
    const body = new PassThrough();
    body.write(started);
    setImmediate(() => body.destroy(new Error("reset")));
    expect((await collect(body)).error).toMatchObject({ code: "connection_lost", retryable: true });
  });

  test("form tokens of a pause are gathered from forms and reasons, each once", async () => {
    const form = frame({ event: "human_input_required", ...ids, data: { form_token: "f1" } });
    const paused = frame({
      event: "workflow_paused",
      ...ids,
      data: { reasons: [{ form_token: "f1" }, { form_token: "f2" }, { form_token: null }, 7] },
    });
    const { events } = await collect(bodyOf(form, paused));
    expect(events.at(-1)).toEqual({ kind: "paused", formTokens: ["f1", "f2"] });
  });
});

describe("handles", () => {
  test("come from whatever frame carries them first, once", async () => {
    const chunk = frame({ event: "text_chunk", ...ids, data: { text: "x" } });
    const { events } = await collect(bodyOf(PING, chunk, chunk, finished));
    expect(kinds(events)).toEqual(["ping", "handles", "finished"]);
  });

  test("a frame of a name we do not know still tells them", async () => {
    const { events } = await collect(bodyOf(frame({ event: "brand_new", ...ids }), finished));
    expect(events.slice(0, 2)).toEqual([
      { kind: "handles", workflowRunId: "RUN", taskId: "TASK" },
      { kind: "unknown", name: "brand_new" },
    ]);
  });

  test("a task id that equals the run id is none; the real one is told when it comes", async () => {
    const snapshot = frame({ event: "workflow_started", workflow_run_id: "RUN", task_id: "RUN", data: {} });
    const { events } = await collect(bodyOf(snapshot, finished));
    expect(events.slice(0, 2)).toEqual([
      { kind: "handles", workflowRunId: "RUN" },
      { kind: "handles", workflowRunId: "RUN", taskId: "TASK" },
    ]);
  });

  test("are told before an error frame's own meaning", async () => {
    const error = frame({ event: "error", workflow_run_id: "RUN", code: "invalid_param", status: 400, message: "no" });
    const { events } = await collect(bodyOf(error));
    expect(events).toEqual([
      { kind: "handles", workflowRunId: "RUN" },
      { kind: "error", code: "invalid_param", status: 400, message: "no" },
    ]);
  });
});

describe("frames we cannot read", () => {
  test.each(["data: not json\n\n", "data: 7\n\n", "data: null\n\n", 'data: {"event":"node_started"}\n\n'])(
    "%j is skipped",
    async (noise) => {
      const { events, error } = await collect(bodyOf(started, noise, finished));
      expect(error).toBeUndefined();
      expect(kinds(events)).toEqual(["handles", "finished"]);
    },
  );

  test("an end of unknown status is no end: the record has to tell", async () => {
    const odd = frame({ event: "workflow_finished", ...ids, data: { status: "exploded", outputs: {} } });
    expect((await collect(bodyOf(started, odd))).error).toMatchObject({ code: "stream_truncated" });
  });

  test("outputs that are null or a JSON string are read", async () => {
    const end = (outputs: unknown) =>
      frame({ event: "workflow_finished", ...ids, data: { status: "failed", outputs, error: "x" } });
    expect((await collect(bodyOf(end(null)))).events.at(-1)).toMatchObject({ outputs: {}, error: "x" });
    expect((await collect(bodyOf(end('{"a":1}')))).events.at(-1)).toMatchObject({ outputs: { a: 1 } });
  });
});

describe("silence", () => {
  const silence = { beforeWorkMs: 400, atWorkMs: 40 };
  const waitingFor = (clock: ManualClock, ms: number) => vi.waitFor(() => expect(clock.waiting()).toEqual([ms]), SOON);

  test("before any sign of work the longer limit holds, even after the server's first ping", async () => {
    const clock = createManualClock();
    const body = new PassThrough();
    const done = collect(body, { clock, silence });
    body.write(PING);
    await waitingFor(clock, 400);
    clock.advance(399);
    body.write(started + finished);
    expect((await done).error).toBeUndefined();
    expect(clock.waiting()).toEqual([]);
  });

  test.each([
    { sign: "nothing at all", first: "", limitMs: 400 },
    { sign: "a data frame", first: started, limitMs: 40 },
    { sign: "a second ping", first: PING + PING, limitMs: 40 },
  ])("after $sign a silence of $limitMs ms ends the stream", async ({ first, limitMs }) => {
    const clock = createManualClock();
    const body = new PassThrough();
    const done = collect(body, { clock, silence });
    body.write(first);
    await waitingFor(clock, limitMs);
    clock.advance(limitMs);
    expect((await done).error).toMatchObject({ code: "timed_out", retryable: true });
    expect(body.destroyed).toBe(true);
  });

  test("any byte is a sign of life", async () => {
    const clock = createManualClock();
    const body = new PassThrough();
    const done = collect(body, { clock, silence });
    body.write(started);
    for (let count = 0; count < 5; count += 1) {
      await vi.waitFor(() => expect(clock.waiting()).toHaveLength(1), SOON);
      clock.advance(39);
      body.write(":");
      await vi.waitFor(() => expect(body.readableLength).toBe(0), SOON);
    }
    body.write(`\n\n${finished}`);
    expect((await done).error).toBeUndefined();
  });

  test("the reader's own pace is not silence", async () => {
    const clock = createManualClock();
    const seen: string[] = [];
    const options = { ...OPTIONS, clock, silence };
    for await (const event of readRunStream(bodyOf(started, PING, finished), options, new AbortController().signal)) {
      seen.push(event.kind);
      clock.advance(10_000);
    }
    expect(seen).toEqual(["handles", "ping", "finished"]);
  });
});

describe("leaving", () => {
  test("leaving the loop drops the connection and forgets the signal", async () => {
    const body = new PassThrough();
    body.write(started);
    const { signal } = new AbortController();
    for await (const _ of readRunStream(body, OPTIONS, signal)) break;
    expect(body.destroyed).toBe(true);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("an abort ends a silent stream at once, with the signal's reason", async () => {
    const body = new PassThrough();
    const control = new AbortController();
    const reason = new Error("shutdown");
    setImmediate(() => control.abort(reason));
    expect((await collect(body, {}, control.signal)).error).toBe(reason);
    expect(body.destroyed).toBe(true);
  });
});

describe("a stream that tells nothing but pings", () => {
  test("is left after the limit, counted from its last word", async () => {
    const clock = createManualClock();
    const body = new PassThrough();
    const told = collect(body, { clock, onlyPingsMs: 30_000 });
    const send = async (text: string): Promise<void> => {
      body.write(text);
      await vi.waitFor(() => expect(body.readableLength).toBe(0), SOON);
    };
    clock.advance(20_000);
    await send(started);
    for (let ping = 0; ping < 2; ping += 1) {
      clock.advance(10_000);
      await send(PING);
    }
    expect(body.destroyed).toBe(false);
    clock.advance(10_000);
    await send(PING);
    const { events, error } = await told;
    expect(kinds(events)).toEqual(["handles", "ping", "ping", "ping"]);
    expect(error).toMatchObject({ code: "timed_out" });
    expect(body.destroyed).toBe(true);
  });

  test("is listened to for ever when there is no limit", async () => {
    const clock = createManualClock();
    const body = new PassThrough();
    const told = collect(body, { clock });
    body.write(started);
    clock.advance(3_600_000);
    body.write(PING);
    body.end(finished);
    expect((await told).error).toBeUndefined();
  });
});
