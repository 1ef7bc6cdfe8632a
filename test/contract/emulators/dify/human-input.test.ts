import { afterEach, expect, test, vi } from "vitest";
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

type Options = Parameters<typeof start>[0];

async function pause(options: Options = {}) {
  const emulator = await start({ apps: [TOPIC_APP], ...options });
  emulator.addFault({ action: { kind: "pause" } });
  const text = await (await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key)).text();
  const frames = framesOf(text);
  const form = Object(frames.find(({ event }) => event === "human_input_required")?.data);
  const submit = (body: object) =>
    post(emulator, `/form/human_input/${form.form_token}`, { user: "relay:1", ...body }, TOPIC_APP.key);
  return { emulator, frames, form, submit, id: frames[0]?.workflow_run_id };
}

const approval = { action: "approve", inputs: { feedback: "yes" } };

test("a pause is told with its form, and the stream ends", async () => {
  const { emulator, frames, form, id } = await pause();
  expect(frames.slice(-2).map(({ event }) => event)).toEqual(["human_input_required", "workflow_paused"]);
  expect(frames.at(-1)?.data).toMatchObject({ status: "paused", outputs: {}, paused_nodes: ["work"] });
  const detail = await (await get(emulator, `/workflows/run/${id}`, TOPIC_APP.key)).json();
  expect(detail).toMatchObject({ status: "paused", outputs: {}, finished_at: null });
  const shown = await (await get(emulator, `/form/human_input/${form.form_token}`, TOPIC_APP.key)).json();
  expect(shown).toMatchObject({
    user_actions: [{ id: "approve" }, { id: "reject" }],
    expiration_time: form.expiration_time,
  });
});

test("a blocking call answers paused, with reasons", async () => {
  const emulator = await start({ apps: [TOPIC_APP] });
  emulator.addFault({ action: { kind: "pause" } });
  const answer = await post(emulator, "/workflows/run", topicRun({ response_mode: "blocking" }), TOPIC_APP.key);
  expect(await answer.json()).toMatchObject({
    data: { status: "paused", finished_at: null, reasons: [{ TYPE: "human_input_required" }] },
  });
});

test("a form is filled in once, with a known action and all inputs", async () => {
  const { emulator, submit } = await pause();
  const codeOf = async (answer: Response) => [answer.status, Object(await answer.json()).code];
  expect(await codeOf(await submit({ ...approval, action: "dance" }))).toEqual([400, "invalid_form_data"]);
  expect(await codeOf(await submit({ action: "approve", inputs: {} }))).toEqual([400, "invalid_form_data"]);
  expect(await (await submit(approval)).json()).toEqual({});
  expect(await codeOf(await submit(approval))).toEqual([412, "human_input_form_submitted"]);
  await vi.waitFor(() => expect(emulator.books().runs).toMatchObject([{ status: "succeeded" }]), SOON);
  const unknown = await get(emulator, "/form/human_input/unknown", TOPIC_APP.key);
  expect(await codeOf(unknown)).toEqual([404, "not_found"]);
});

test("a form that nobody answers lets the run go on when its time is over", async () => {
  const clock = createManualClock();
  const emulator = await start({ apps: [TOPIC_APP], clock });
  emulator.addFault({ action: { kind: "pause", expiresMs: 300 } });
  const posted = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
  await vi.waitFor(() => {
    clock.advance(0);
    expect(emulator.books().runs).toMatchObject([{ status: "paused" }]);
  }, SOON);
  const frames = framesOf(await posted.text());
  const form = Object(frames.find(({ event }) => event === "human_input_required")?.data);
  const path = `/workflow/${frames[0]?.workflow_run_id}/events?user=relay:1&continue_on_pause=true`;
  const listening = await get(emulator, path, TOPIC_APP.key);
  await untilItSucceeded(emulator, clock, 300);
  const rest = framesOf(await listening.text());
  expect(rest.slice(0, 2)).toMatchObject([
    { event: "workflow_started", data: { reason: "resumption" } },
    {
      event: "human_input_form_timeout",
      data: { node_id: "work", node_title: "Work", expiration_time: form.expiration_time },
    },
  ]);
  expect(rest.at(-1)).toMatchObject({ event: "workflow_finished", data: { status: "succeeded" } });
  const late = await post(emulator, `/form/human_input/${form.form_token}`, { user: "u", ...approval }, TOPIC_APP.key);
  expect([late.status, Object(await late.json()).code]).toEqual([412, "human_input_form_expired"]);
});

test("an expired form is refused", async () => {
  const clock = createMovableClock();
  const { submit } = await pause({ clock });
  clock.advance(4 * 86_400_000);
  const refused = await submit(approval);
  expect([refused.status, Object(await refused.json()).code]).toEqual([412, "human_input_form_expired"]);
});

test("events tell the pause again, and go on past it when asked to", async () => {
  const { emulator, submit, id } = await pause();
  const path = `/workflow/${id}/events?user=relay:1&include_state_snapshot=true`;
  const again = framesOf(await (await get(emulator, path, TOPIC_APP.key)).text());
  expect(again.slice(-2).map(({ event }) => event)).toEqual(["human_input_required", "workflow_paused"]);
  const start = again.find(({ event }) => event === "node_finished")?.data ?? {};
  expect(start).toMatchObject({ node_id: "start", inputs: null, outputs: null });
  expect(Object.keys(start).filter((name) => name.endsWith("_truncated"))).toEqual([]);

  const following = await get(emulator, `/workflow/${id}/events?user=relay:1&continue_on_pause=true`, TOPIC_APP.key);
  await submit(approval);
  const text = await following.text();
  expect(text.startsWith('event: ping\n\ndata: {"event":"workflow_started"')).toBe(true);
  const frames = framesOf(text);
  expect(frames[0]).toMatchObject({ event: "workflow_started", data: { reason: "resumption" } });
  expect(frames[1]).toMatchObject({ event: "human_input_form_filled", data: { action_id: "approve" } });
  expect(frames.at(-1)).toMatchObject({ event: "workflow_finished", data: { status: "succeeded" } });
});
