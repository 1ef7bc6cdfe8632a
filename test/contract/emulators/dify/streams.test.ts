import { afterEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../../src/clock.ts";
import type { DifyEmulatorOptions } from "../../../../src/emulators/dify/start-dify-emulator.ts";
import { SOON } from "../../../support/soon.ts";
import { createManualClock } from "../../../unit/dify/manual-clock.ts";
import {
  createEmulators,
  framesOf,
  get,
  post,
  streamRaw,
  TOPIC_APP,
  topicRun,
  untilItSucceeded,
} from "./dify-calls.ts";

const { start, stop } = createEmulators();
afterEach(stop);

const AT = 1_705_407_629;
/** Stamps stand still, so that whole streams compare; waiting works as ever. */
const stillClock = { now: () => AT * 1000, sleep: systemClock.sleep };

test.each(["P2", "P3"] as const)("the happy path of %s, byte for byte", async (profile) => {
  const emulator = await start({ profile, apps: [TOPIC_APP], clock: stillClock });
  const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const text = await answer.text();
  const [first] = framesOf(text);
  const { id: RUN, workflow_id: WF, inputs } = Object(first?.data);
  const TASK = first?.task_id;
  const APP = inputs["sys.app_id"];
  const nodeIds = framesOf(text).filter(({ event }) => event === "node_started");
  const [E1, E2, E3] = nodeIds.map(({ data }) => data["id"]);
  const EU = Object(framesOf(text).at(-1)?.data["created_by"]).id;
  const head = (event: string) => `"event":"${event}","workflow_run_id":"${RUN}","task_id":"${TASK}"`;
  const node = (id: unknown, name: string, type: string, title: string, index: number) =>
    `"id":"${id}","node_id":"${name}","node_type":"${type}","title":"${title}","index":${index},"predecessor_node_id":null`;
  const started = (about: string) =>
    `data: {${head("node_started")},"data":{${about},"inputs":null,"inputs_truncated":false,"created_at":${AT},"extras":{},"iteration_id":null,"loop_id":null,"agent_strategy":null}}`;
  const finished = (about: string, inputs: string, outputs: string) =>
    `data: {${head("node_finished")},"data":{${about},"inputs":${inputs},"inputs_truncated":false,"process_data":{},"process_data_truncated":false,"outputs":${outputs},"outputs_truncated":false,"status":"succeeded","error":null,"elapsed_time":0,"execution_metadata":null,"created_at":${AT},"finished_at":${AT},"files":[],"iteration_id":null,"loop_id":null}}`;
  const topic = '{"topic":"cats"}';
  const summary = '{"summary":"About cats"}';
  expect(text.split("\n\n")).toEqual([
    "event: ping",
    `data: {${head("workflow_started")},"data":{"id":"${RUN}","workflow_id":"${WF}","inputs":{"topic":"cats","sys.files":[],"sys.user_id":"relay:1","sys.app_id":"${APP}","sys.workflow_id":"${WF}","sys.workflow_run_id":"${RUN}"},"created_at":${AT},"reason":"initial"}}`,
    started(node(E1, "start", "start", "Start", 1)),
    finished(node(E1, "start", "start", "Start", 1), topic, topic),
    started(node(E2, "work", "code", "Work", 2)),
    `data: {${head("text_chunk")},"data":{"text":"About cats","from_variable_selector":["work","summary"]}}`,
    finished(node(E2, "work", "code", "Work", 2), topic, summary),
    started(node(E3, "end", "end", "Output", 3)),
    finished(node(E3, "end", "end", "Output", 3), summary, summary),
    `data: {${head("workflow_finished")},"data":{"id":"${RUN}","workflow_id":"${WF}","status":"succeeded","outputs":${summary},"error":null,"elapsed_time":0,"total_tokens":0,"total_steps":3,"created_by":{"id":"${EU}","user":"relay:1"},"created_at":${AT},"finished_at":${AT},"exceptions_count":0,"files":[]}}`,
    "",
  ]);
});

test("1.12 has no leading ping and names no reason", async () => {
  const emulator = await start({ apps: [TOPIC_APP], profile: "P1" });
  const text = await (await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key)).text();
  expect(text).toMatch(/^data: \{"event":"workflow_started"/);
  expect(framesOf(text)[0]?.data).not.toHaveProperty("reason");
});

test("a running worker pings without a data line", async () => {
  const clock = createManualClock();
  const emulator = await start({ apps: [TOPIC_APP], pingMs: 20, workMs: 200, clock });
  const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
  await untilItSucceeded(emulator, clock, 20);
  const text = await answer.text();
  expect(text.split("\n\n").filter((block) => block === "event: ping").length).toBeGreaterThan(2);
});

test("the same POST twice is two runs: nothing is deduplicated", async () => {
  const emulator = await start({ apps: [TOPIC_APP] });
  for (const _ of [1, 2]) await (await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key)).text();
  expect(await (await get(emulator, "/workflows/logs", TOPIC_APP.key)).json()).toMatchObject({ total: 2 });
});

describe("wrong inputs of a streaming call", () => {
  const wrong = topicRun({ inputs: {} });
  const message = "topic is required in input form";

  test("P1 answers 400", async () => {
    const emulator = await start({ apps: [TOPIC_APP], profile: "P1" });
    const answer = await post(emulator, "/workflows/run", wrong, TOPIC_APP.key);
    expect([answer.status, Object(await answer.json()).message]).toEqual([400, message]);
  });

  test("P2 tells it inside the stream and then hangs until the idle limit", async () => {
    const emulator = await start({ apps: [TOPIC_APP], idleMs: 50 });
    const answer = await post(emulator, "/workflows/run", wrong, TOPIC_APP.key);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(`event: ping\n\ndata: {"event":"error","message":"${message}","status":500}\n\n`);
    expect(emulator.books().runs).toEqual([]);
  });

  test("P3 makes up a run that no lookup knows", async () => {
    const emulator = await start({ apps: [TOPIC_APP], profile: "P3" });
    const text = await (await post(emulator, "/workflows/run", wrong, TOPIC_APP.key)).text();
    expect(text.startsWith('event: ping\n\ndata: {"event":"workflow_started"')).toBe(true);
    const [started, finished, ...more] = framesOf(text);
    expect(started).toMatchObject({ event: "workflow_started", task_id: started?.workflow_run_id });
    // As they were sent: no system variables yet.
    expect(started?.data["inputs"]).toEqual({});
    expect(finished?.data).toMatchObject({
      status: "failed",
      error: message,
      elapsed_time: 0,
      total_steps: 0,
      created_by: {},
      exceptions_count: 1,
    });
    expect(more).toEqual([]);
    expect(await (await get(emulator, "/workflows/logs", TOPIC_APP.key)).json()).toMatchObject({ total: 0 });
    const detail = await get(emulator, `/workflows/run/${started?.workflow_run_id}`, TOPIC_APP.key);
    expect(detail.status).toBe(404);
  });
});

describe("faults of the run", () => {
  const runFrames = async (
    action: Parameters<Awaited<ReturnType<typeof start>>["addFault"]>[0]["action"],
    options: Pick<DifyEmulatorOptions, "profile" | "idleMs"> = {},
  ) => {
    const emulator = await start({ apps: [TOPIC_APP], ...options });
    emulator.addFault({ action });
    const text = await (await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key)).text();
    return { emulator, frames: framesOf(text), text };
  };
  const detailOf = async (emulator: Awaited<ReturnType<typeof start>>, id: string | undefined) =>
    (await get(emulator, `/workflows/run/${id}`, TOPIC_APP.key)).json();

  test("a failing node fails the run with its words", async () => {
    const { frames } = await runFrames({ kind: "node_failure", message: "no luck" });
    expect(frames.at(-2)).toMatchObject({ event: "node_finished", data: { status: "failed", error: "no luck" } });
    expect(frames.at(-1)).toMatchObject({ event: "workflow_finished", data: { status: "failed", error: "no luck" } });
  });

  test("a handled failure succeeds in part, with outputs", async () => {
    const { frames } = await runFrames({ kind: "partial" });
    expect(frames.map(({ data }) => data["status"])).toContain("exception");
    expect(frames.at(-1)?.data).toMatchObject({
      status: "partial-succeeded",
      exceptions_count: 1,
      outputs: { summary: "About cats" },
    });
  });

  test("a retried node keeps its execution id", async () => {
    const { frames } = await runFrames({ kind: "node_retry" });
    const retry = frames.find(({ event }) => event === "node_retry");
    expect(retry?.data).toMatchObject({ status: "retry", retry_index: 1 });
    const same = frames.filter(({ event, data }) => event === "node_finished" && data["id"] === retry?.data["id"]);
    expect(same).toHaveLength(1);
  });

  test("an engine error ends the stream of P1, has no outcome in P2 and one made up in P3", async () => {
    const failure = { code: "invalid_param", status: 400, message: "no such model" };
    const p1 = await runFrames({ kind: "error_frame", ...failure }, { profile: "P1" });
    expect(p1.frames.at(-1)).toEqual({ event: "error", workflow_run_id: expect.any(String), ...failure });
    const p2 = await runFrames({ kind: "error_frame" }, { idleMs: 500 });
    expect(p2.frames.at(-1)).toEqual({
      event: "error",
      workflow_run_id: expect.any(String),
      code: "internal_server_error",
      status: 500,
      message: "Internal Server Error, please contact support.",
    });
    const p3 = await runFrames({ kind: "error_frame" }, { profile: "P3" });
    expect(p3.frames.slice(-2).map(({ event }) => event)).toEqual(["error", "workflow_finished"]);
  });

  test("the time limit is told as failed and stored as stopped", async () => {
    const { emulator, frames } = await runFrames({ kind: "time_limit" });
    const error = expect.stringMatching(/^Maximum execution time exceeded/);
    expect(frames.at(-1)?.data).toMatchObject({ status: "failed", error });
    expect(await detailOf(emulator, frames[0]?.workflow_run_id)).toMatchObject({ status: "stopped", error });
  });

  test("a lost terminal event leaves the truth in the detail", async () => {
    const { emulator, frames } = await runFrames({ kind: "drop_terminal" });
    expect(frames.at(-1)?.event).toBe("node_finished");
    expect(await detailOf(emulator, frames[0]?.workflow_run_id)).toMatchObject({ status: "succeeded" });
  });

  test("lost first frames leave the handles in the next", async () => {
    const { frames } = await runFrames({ kind: "drop_first", frames: 2 });
    expect(frames[0]).toMatchObject({ event: "node_finished", workflow_run_id: expect.stringMatching(/-/) });
    expect(frames.at(-1)?.event).toBe("workflow_finished");
  });

  test("a worker that dies in the middle leaves the run running for ever", async () => {
    const { emulator, frames } = await runFrames({ kind: "lost_after_start", ms: 10 });
    expect(frames.map(({ event }) => event)).toEqual(["workflow_started", "node_started", "node_finished"]);
    expect(await detailOf(emulator, frames[0]?.workflow_run_id)).toMatchObject({ status: "running", outputs: {} });
  });

  test("silence ends without a frame while the run goes on to its end", async () => {
    const { emulator, text } = await runFrames({ kind: "silence", ms: 10 });
    expect(text).toBe("event: ping\n\n");
    await vi.waitFor(() => expect(emulator.books().runs).toMatchObject([{ status: "succeeded" }]), SOON);
  });

  test("silence of a dead worker leaves no row", async () => {
    const { emulator, text } = await runFrames({ kind: "silence", ms: 10, run: "dead" });
    expect(text).toBe("event: ping\n\n");
    expect(await (await get(emulator, "/workflows/logs", TOPIC_APP.key)).json()).toMatchObject({ total: 0 });
    const [run] = emulator.books().runs;
    expect((await get(emulator, `/workflows/run/${run?.id}`, TOPIC_APP.key)).status).toBe(404);
  });

  test.each([
    { profile: "P2" as const, pings: 1 },
    { profile: "P3" as const, pings: 3 },
  ])("$profile: a queued run is unknown until its worker starts, after $pings ping(s)", async (expected) => {
    const { profile, pings } = expected;
    const clock = createManualClock();
    const emulator = await start({ apps: [TOPIC_APP], profile, pingMs: 50, clock });
    emulator.addFault({ action: { kind: "queue_delay", ms: 120 } });
    const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    for (const ms of [50, 50, 20]) {
      // The run waits for its worker, and its stream for something to tell.
      await vi.waitFor(() => expect(clock.waiting()).toHaveLength(2), SOON);
      expect(await (await get(emulator, "/workflows/logs", TOPIC_APP.key)).json()).toMatchObject({ total: 0 });
      const [run] = emulator.books().runs;
      expect((await get(emulator, `/workflows/run/${run?.id}`, TOPIC_APP.key)).status).toBe(404);
      clock.advance(ms);
    }
    await untilItSucceeded(emulator, clock, 0);
    const text = await answer.text();
    const waiting = text.slice(0, text.indexOf("data: "));
    expect(waiting).toBe("event: ping\n\n".repeat(pings));
    expect(framesOf(text).at(-1)?.data).toMatchObject({ status: "succeeded" });
    expect(await (await get(emulator, "/workflows/logs", TOPIC_APP.key)).json()).toMatchObject({ total: 1 });
  });

  test("a gateway gives up in HTML while the run goes on", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    emulator.addFault({ action: { kind: "gateway" } });
    const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([504, "text/html"]);
    await vi.waitFor(() => expect(emulator.books().runs).toMatchObject([{ status: "succeeded" }]), SOON);
    const id = emulator.books().runs[0]?.id;
    expect(await detailOf(emulator, id)).toMatchObject({ id, status: "succeeded" });
    expect(await (await get(emulator, "/workflows/logs", TOPIC_APP.key)).json()).toMatchObject({
      data: [{ workflow_run: { id } }],
    });
  });

  test("a node's frame may be megabytes long", async () => {
    const { frames, text } = await runFrames({ kind: "large_frame", bytes: 5_000_000 });
    expect(text.length).toBeGreaterThan(5_000_000);
    expect(frames.at(-1)?.data).toMatchObject({ status: "succeeded" });
  });

  test("frames arrive whole however they are cut into pieces", async () => {
    const { frames } = await runFrames({ kind: "chunking", bytes: 7 });
    expect(frames.at(-1)?.data).toMatchObject({ status: "succeeded" });
  });
});

test("several frames may come in one piece", async () => {
  const emulator = await start({ apps: [TOPIC_APP] });
  emulator.addFault({ action: { kind: "coalesce", frames: 3 } });
  const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
  const pieces: string[] = [];
  const decoder = new TextDecoder();
  for await (const piece of answer.body ?? []) pieces.push(decoder.decode(piece, { stream: true }));
  const counts = pieces.map((piece) => framesOf(piece).length).filter((count) => count > 0);
  expect(counts[0]).toBeGreaterThanOrEqual(3);
  expect(framesOf(pieces.join("")).at(-1)?.data).toMatchObject({ status: "succeeded" });
});

test("an app that reads aloud speaks in the stream, and ends its speech after the outcome", async () => {
  const emulator = await start({ apps: [{ ...TOPIC_APP, tts: true }] });
  const text = await (await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key)).text();
  const [spoken, finished, ended] = framesOf(text).slice(-3);
  const ids = { workflow_run_id: finished?.workflow_run_id, task_id: finished?.task_id };
  expect(finished?.event).toBe("workflow_finished");
  expect(spoken).toEqual({ event: "tts_message", ...ids, audio: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) });
  expect(ended).toEqual({ event: "tts_message_end", ...ids, audio: "" });
  expect(await (await get(emulator, "/parameters", TOPIC_APP.key)).json()).toMatchObject({
    text_to_speech: { enabled: true, autoPlay: "enabled" },
  });
});

describe("a connection cut in the stream", () => {
  const cut = async (frames: number, at?: "inside" | "between newlines") => {
    const emulator = await start({ apps: [TOPIC_APP] });
    emulator.addFault({ action: { kind: "cut_after", frames, ...(at ? { at } : {}) } });
    const ending = await streamRaw(emulator, topicRun({ inputs: { topic: "möwen" } }), TOPIC_APP.key);
    await vi.waitFor(() => expect(emulator.books().runs).toMatchObject([{ status: "succeeded" }]), SOON);
    return ending;
  };

  test("ends after frame n with a reset, and the run goes on", async () => {
    const { text, reset } = await cut(2);
    expect(reset).toBe(true);
    expect(framesOf(text).map(({ event }) => event)).toEqual(["workflow_started", "node_started"]);
    expect(text.endsWith("\n\n")).toBe(true);
  });

  test("may come before the first data frame", async () => {
    expect(await cut(0)).toEqual({ text: "event: ping\n\n", reset: true });
  });

  test("may fall inside a character", async () => {
    const { text } = await cut(0, "inside");
    expect(text).toMatch(/"topic":"m\ufffd$/);
  });

  test("may fall between the two newlines", async () => {
    const { text } = await cut(1, "between newlines");
    expect(text).toMatch(/[^\n]\n$/);
  });
});

describe("stopping", () => {
  const startSlow = async (stopStyle: "engine" | "flag") => {
    const emulator = await start({ apps: [TOPIC_APP], stopStyle, workMs: 60_000 });
    const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    await vi.waitFor(() => expect(emulator.books().runs[0]?.status).toBe("running"), SOON);
    return { emulator, answer, run: emulator.books().runs[0] };
  };

  test.each([
    { stopStyle: "engine" as const, status: "failed", error: "User requested stop" },
    { stopStyle: "flag" as const, status: "stopped", error: "Stopped by user." },
  ])("by $stopStyle the stream says $status and the row stopped", async ({ stopStyle, status, error }) => {
    const { emulator, answer, run } = await startSlow(stopStyle);
    const stopped = await post(emulator, `/workflows/tasks/${run?.taskId}/stop`, { user: "anybody" }, TOPIC_APP.key);
    expect(await stopped.json()).toEqual({ result: "success" });
    expect(framesOf(await answer.text()).at(-1)?.data).toMatchObject({ status, error });
    expect(emulator.books().runs[0]?.status).toBe("stopped");
  });

  test("says success for a task nobody knows, and when it does nothing", async () => {
    const { emulator, answer, run } = await startSlow("engine");
    emulator.addFault({ match: { path: "/stop" }, action: { kind: "stop_ignored" } });
    for (const task of [run?.taskId, "nobody"]) {
      const stopped = await post(emulator, `/workflows/tasks/${task}/stop`, { user: "u" }, TOPIC_APP.key);
      expect(await stopped.json()).toEqual({ result: "success" });
    }
    expect(emulator.books().runs[0]?.status).toBe("running");
    await answer.body?.cancel();
  });
});

test("a run goes on when its client has gone", async () => {
  const emulator = await start({ apps: [TOPIC_APP], workMs: 60 });
  const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
  await answer.body?.cancel();
  await vi.waitFor(() => expect(emulator.books().runs).toMatchObject([{ status: "succeeded" }]), SOON);
});

test("iterations and loops tell rounds and inner nodes, not executions of their own; branches interleave; tokens add up", async () => {
  const parts = [
    { kind: "iteration", title: "Each", inner: "Read", rounds: 2 },
    { kind: "loop", title: "Again", inner: "Try", rounds: 1 },
    { kind: "parallel", branches: ["Left", "Right"] },
  ] as const;
  const model = { tokens: 5, price: "0.1", currency: "USD" };
  const emulator = await start({ apps: [{ ...TOPIC_APP, parts, model }] });
  const frames = framesOf(await (await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key)).text());
  expect(
    frames
      .filter(({ event }) => event !== "text_chunk")
      .map(({ event, data }) => `${event} ${data["title"] ?? ""}`.trim()),
  ).toEqual([
    "workflow_started",
    ...["node_started Start", "node_finished Start", "iteration_started Each"],
    ...["iteration_next Each", "node_started Read", "node_finished Read"],
    ...["iteration_next Each", "node_started Read", "node_finished Read", "iteration_completed Each"],
    ...["loop_started Again", "loop_next Again", "node_started Try", "node_finished Try", "loop_completed Again"],
    ...["node_started Left", "node_started Right", "node_finished Right", "node_finished Left"],
    ...["node_started Work", "node_finished Work", "node_started Output", "node_finished Output"],
    "workflow_finished",
  ]);
  const inner = frames.find(({ data }) => data["title"] === "Read");
  expect(inner?.data).toMatchObject({ iteration_id: "part_0", loop_id: null, node_type: "llm" });
  const sum = frames.find(({ event }) => event === "iteration_completed");
  expect(sum?.data).toMatchObject({ id: "part_0", total_tokens: 10, steps: 2 });
  expect(frames.at(-1)?.data).toMatchObject({ total_tokens: 30, total_steps: 8 });
});
