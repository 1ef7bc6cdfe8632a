import { afterEach, describe, expect, test, vi } from "vitest";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import { SOON } from "../../../support/soon.ts";
import { createManualClock } from "../../../unit/dify/manual-clock.ts";
import {
  createEmulators,
  createMovableClock,
  framesOf,
  get,
  post,
  TOPIC_APP,
  topicRun,
  untilItSucceeded,
} from "./dify-calls.ts";

const { start, stop } = createEmulators();
afterEach(stop);

type Emulator = Awaited<ReturnType<typeof start>>;
const runTopic = async (emulator: Emulator, more: object = {}) => {
  const text = await (await post(emulator, "/workflows/run", topicRun(more), TOPIC_APP.key)).text();
  return framesOf(text)[0]?.workflow_run_id ?? "";
};
const ask = (emulator: Emulator, path: string) => get(emulator, path, TOPIC_APP.key);

describe("run detail", () => {
  test("inputs are text, outputs an object", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const id = await runTopic(emulator, { inputs: { topic: "möwen", undeclared: 1 } });
    const detail = Object(await (await ask(emulator, `/workflows/run/${id}`)).json());
    expect(detail).toMatchObject({ id, status: "succeeded", outputs: { summary: "About möwen" }, total_steps: 3 });
    expect(detail.inputs).toMatch(/^\{"topic": "m\\u00f6wen", "sys\.files": \[\], "sys\.user_id": "relay:1", /);
  });

  test("P1 gives outputs as text too", async () => {
    const emulator = await start({ apps: [TOPIC_APP], profile: "P1" });
    const id = await runTopic(emulator);
    expect(await (await ask(emulator, `/workflows/run/${id}`)).json()).toMatchObject({
      outputs: '{"summary": "About cats"}',
    });
  });

  test("a running run has no outputs and no end", async () => {
    const emulator = await start({ apps: [TOPIC_APP], workMs: 60_000 });
    const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    await vi.waitFor(() => expect(emulator.books().runs[0]?.status).toBe("running"), SOON);
    const id = emulator.books().runs[0]?.id;
    expect(await (await ask(emulator, `/workflows/run/${id}`)).json()).toMatchObject({
      status: "running",
      outputs: {},
      finished_at: null,
      elapsed_time: 0,
    });
    await answer.body?.cancel();
  });

  test("of a run that P1 does not know all is null", async () => {
    const emulator = await start({ apps: [TOPIC_APP], profile: "P1" });
    const unknown = await ask(emulator, "/workflows/run/00000000-0000-4000-8000-000000000000");
    expect([unknown.status, await unknown.json()]).toEqual([
      200,
      expect.objectContaining({ id: null, status: null, outputs: null, created_at: null }),
    ]);
  });

  test("an unknown id, and the run of another app, are not found", async () => {
    const emulator = await start({ apps: [TOPIC_APP, DEFAULT_APP] });
    const id = await runTopic(emulator);
    const unknown = await ask(emulator, "/workflows/run/00000000-0000-4000-8000-000000000000");
    expect(await unknown.json()).toMatchObject({
      code: "not_found",
      message: expect.stringMatching(/^Workflow run not found\./),
      status: 404,
    });
    expect((await get(emulator, `/workflows/run/${id}`)).status).toBe(404);
    // Whoever asks: the key is enough.
    expect((await ask(emulator, `/workflows/run/${id}?user=somebody`)).status).toBe(200);
  });
});

describe("logs", () => {
  test("are found by exactly the user, newest first, page by page", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const ids: string[] = [];
    for (const user of ["relay-1", "relay-2", "relay-1", "relay-11"]) ids.push(await runTopic(emulator, { user }));
    const find = async (query: string) => Object(await (await ask(emulator, `/workflows/logs?${query}`)).json());
    const one = await find("created_by_end_user_session_id=relay-1&limit=1");
    expect(one).toMatchObject({ page: 1, limit: 1, total: 2, has_more: true });
    expect(one.data).toMatchObject([
      { workflow_run: { id: ids[2], status: "succeeded" }, created_by_end_user: { session_id: "relay-1" } },
    ]);
    const next = await find("created_by_end_user_session_id=relay-1&limit=1&page=2");
    expect(next).toMatchObject({ has_more: false, data: [{ workflow_run: { id: ids[0] } }] });
  });

  test("a keyword is sought in what is stored, escapes included", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    await runTopic(emulator, { inputs: { topic: "möwen" } });
    const total = async (keyword: string) =>
      Object(await (await ask(emulator, `/workflows/logs?${new URLSearchParams({ keyword })}`)).json()).total;
    expect(await Promise.all(["WEN", "m\\u00f6wen", "möwen", "dogs"].map(total))).toEqual([1, 1, 0, 0]);
    const id = emulator.books().runs[0]?.id ?? "";
    expect(await total(id.slice(0, 30))).toBe(1);
    // What follows the thirtieth character is not looked at.
    const long = '{"topic": "m\\u00f6wen", "sys.files"';
    expect(await Promise.all([total(`${long.slice(0, 30)}nonsense`), total(`x${long.slice(0, 20)}`)])).toEqual([1, 0]);
  });

  test("may lag behind the run, which its detail knows already", async () => {
    const clock = createMovableClock();
    const emulator = await start({ apps: [TOPIC_APP], clock });
    emulator.addFault({ action: { kind: "log_lag", ms: 60_000 } });
    const id = await runTopic(emulator);
    const total = async () => Object(await (await ask(emulator, "/workflows/logs")).json()).total;
    expect((await ask(emulator, `/workflows/run/${id}`)).status).toBe(200);
    expect(await total()).toBe(0);
    clock.advance(60_000);
    expect(await total()).toBe(1);
  });

  test.each(["status=running", "limit=0", "limit=101", "page=x", "page=0", "page=100000", "created_at__after=soon"])(
    "%s is refused",
    async (query) => {
      const emulator = await start({ apps: [TOPIC_APP] });
      const answer = await ask(emulator, `/workflows/logs?${query}`);
      expect([answer.status, Object(await answer.json()).code]).toEqual([400, "invalid_param"]);
    },
  );

  test("a time without a zone is UTC", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    await runTopic(emulator);
    const at = (ms: number) => new Date(Date.now() + ms).toISOString().slice(0, 19);
    const total = async (query: string) => Object(await (await ask(emulator, `/workflows/logs?${query}`)).json()).total;
    expect(await total(`created_at__after=${at(-60_000)}`)).toBe(1);
    expect(await total(`created_at__before=${at(-60_000)}`)).toBe(0);
  });
});

describe("events", () => {
  test("a finished run is one frame rebuilt from its row", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const id = await runTopic(emulator);
    const text = await (await ask(emulator, `/workflow/${id}/events?user=relay:1`)).text();
    const beginning = `data: {"event": "workflow_finished", "task_id": "${id}", "workflow_run_id": "${id}", "data": {`;
    expect(text.startsWith(beginning)).toBe(true);
    expect(framesOf(text)).toMatchObject([{ data: { status: "succeeded", outputs: { summary: "About cats" } } }]);
  });

  test("another user sees nothing, and P1 has no such route", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const id = await runTopic(emulator);
    expect((await ask(emulator, `/workflow/${id}/events?user=other`)).status).toBe(404);
    expect((await ask(emulator, `/workflow/${id}/events`)).status).toBe(400);
    const old = await start({ apps: [TOPIC_APP], profile: "P1" });
    const answer = await ask(old, `/workflow/${id}/events?user=relay:1`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
  });

  test("a running run tells what was, without inputs, and then what comes", async () => {
    const clock = createManualClock();
    const emulator = await start({ apps: [TOPIC_APP], workMs: 400, clock });
    const first = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    await vi.waitFor(() => expect(emulator.books().runs[0]?.status).toBe("running"), SOON);
    const run = emulator.books().runs[0];
    const path = `/workflow/${run?.id}/events?user=relay:1&include_state_snapshot=true`;
    const answer = await ask(emulator, path);
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    await untilItSucceeded(emulator, clock, 100);
    const text = await answer.text();
    expect(text.startsWith('event: ping\n\ndata: {"event":"workflow_started"')).toBe(true);
    const frames = framesOf(text);
    const snapshot = frames.filter(({ task_id }) => task_id === run?.id);
    expect(snapshot[1]).toMatchObject({ event: "node_started", data: { node_id: "start", inputs: null } });
    expect(snapshot[1]?.data).not.toHaveProperty("inputs_truncated");
    expect(frames.at(-1)).toMatchObject({ event: "workflow_finished", task_id: run?.taskId });
    await first.body?.cancel();
  });

  test("opened in the wrong moment they ping and end without an outcome", async () => {
    const emulator = await start({ apps: [TOPIC_APP], idleMs: 60, pingMs: 20 });
    const id = await runTopic(emulator);
    emulator.addFault({ match: { path: "/events" }, action: { kind: "events_race" } });
    const text = await (await ask(emulator, `/workflow/${id}/events?user=relay:1`)).text();
    expect(text).toMatch(/^(event: ping\n\n){2,}$/);
  });
});

test("the books tell what happened, over the wire as well", async () => {
  const emulator = await start({ apps: [TOPIC_APP] });
  const id = await runTopic(emulator);
  const books = emulator.books();
  expect(books).toMatchObject({
    uploads: [],
    runs: [{ id, user: "relay:1", inputs: { topic: "cats" }, status: "succeeded", outputs: ["summary"] }],
    requests: { run: 1 },
  });
  expect(await (await fetch(`${emulator.url}/__books`)).json()).toEqual(JSON.parse(JSON.stringify(books)));
});

test("faults can be set over the wire, and wrong ones are refused in words", async () => {
  const emulator = await start({ apps: [TOPIC_APP] });
  const set = (body: unknown) => fetch(`${emulator.url}/__faults`, { method: "POST", body: JSON.stringify(body) });
  expect((await set({ action: { kind: "drop_first" } })).status).toBe(400);
  expect((await set([{ skip: 1, action: { kind: "unpublished" } }])).status).toBe(201);
  const statuses: number[] = [];
  for (const _ of [1, 2, 3]) statuses.push((await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key)).status);
  expect(statuses).toEqual([200, 400, 200]);
});
