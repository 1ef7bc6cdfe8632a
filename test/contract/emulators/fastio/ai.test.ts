import { describe, expect, test, vi } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { SOON } from "../../../support/soon.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();
type Started = Awaited<ReturnType<typeof start>>;

const drop = ({ emulator }: Started, name = "terms.txt") =>
  emulator.dropFile({ name, content: `Payment within thirty days.\nThe notice period is ninety days (${name}).` });

async function ask({ api, ws }: Started, fields: Readonly<Record<string, string>> = {}) {
  const made = await api.post(`${ws}/ai/agent/`, { question: "How long is the notice period?", ...fields });
  const path = `${ws}/ai/agent/${textAt(made.body, "thread", "thread_id")}`;
  return { made, path, details: `${path}/message/${textAt(made.body, "turn", "turn_id")}/details/` };
}

/** Waits for activity, then reads again, as clients should. */
async function answerOf({ api, emulator }: Started, details: string, key = "message"): Promise<unknown> {
  let since = "";
  return vi.waitFor(async () => {
    const poll = await api.get(
      `/activity/poll/${emulator.workspaceId}/?wait=2${since && `&lastactivity=${encodeURIComponent(since)}`}`,
    );
    since = textAt(poll.body, "lastactivity");
    const turn = at((await api.get(details)).body, key);
    if (["pending", "running", "ready", "in_progress", "post_processing"].includes(textAt(turn, "state")))
      throw new Error("not yet");
    return turn;
  }, SOON);
}

describe("asking by ai/agent", () => {
  test("an answer comes with the passage, the file and the version it stands on", async () => {
    const world = await start();
    const { nodeId, versionId } = await drop(world);
    const { made, details } = await ask(world);
    expect(at(made.body, "turn")).toMatchObject({ seq: 1, status: "pending" });
    const turn = await answerOf(world, details);
    expect(turn).toMatchObject({ state: "complete", text: expect.stringContaining("ninety days") });
    expect(at(turn, "response", "citations", 0)).toEqual({
      nodeId,
      versionId,
      entries: [{ page: 1, snippet: "The notice period is ninety days (terms.txt)." }],
    });
  });

  test("each step is told to pollers of the workspace", async () => {
    const world = await start();
    await drop(world);
    const before = await world.api.get(`/activity/poll/${D.workspaceId}/`);
    const { made } = await ask(world);
    const since = encodeURIComponent(textAt(before.body, "lastactivity"));
    const poll = await world.api.get(`/activity/poll/${D.workspaceId}/?wait=5&lastactivity=${since}`);
    expect(listAt(poll.body, "activity")).toContain(`ai_chat:${textAt(made.body, "thread", "thread_id")}`);
  });

  test("references narrow the question to their files and folders", async () => {
    const world = await start();
    await drop(world, "a.txt");
    const b = await drop(world, "b.txt");
    const references = (rows: unknown) => ({ references: JSON.stringify(rows) });
    const file = { type: "file", id: b.nodeId, file_details: { node_id: b.nodeId, version_id: "" } };
    const turn = await answerOf(world, (await ask(world, references([file]))).details);
    expect(listAt(turn, "response", "citations").map((one) => at(one, "nodeId"))).toEqual([b.nodeId]);
    for (const rows of [{}, [{ type: "file" }], [{ ...file, file_details: { node_id: "2nope", version_id: "" } }]]) {
      const { made } = await ask(world, references(rows));
      expect([made.status, at(made.body, "error", "params", 0, "name")]).toEqual([400, "references"]);
    }
  });

  test("a question that needs input keeps the question and asks its own", async () => {
    const world = await start();
    world.emulator.answerNext({ state: "needs_input", clarification: { type: "choice", question: "Which contract?" } });
    const turn = await answerOf(world, (await ask(world)).details);
    expect(turn).toMatchObject({
      state: "needs_input",
      text: "How long is the notice period?",
      clarification: { type: "choice", question: "Which contract?" },
      response: null,
    });
  });

  test.each([
    ["errored", "failed", {}],
    ["failed", "failed", { aiFailedState: "failed" as const }],
    ["lost", "lost", {}],
  ])("it ends as %s when the answer is %s", async (told, state, knobs) => {
    const world = await start(knobs);
    world.emulator.answerNext({ state: state === "lost" ? "lost" : "failed" });
    expect(await answerOf(world, (await ask(world)).details)).toMatchObject({ state: told, response: null });
  });

  test("cancel answers without an envelope, and flat when it cannot", async () => {
    const world = await start({ aiDelayMs: 60_000 });
    const { path, details } = await ask(world);
    const stopped = await world.api.post(`${path}/cancel/`);
    expect(stopped.body).toMatchObject({ success: true, message: { state: "cancelled" } });
    expect(stopped.body).not.toHaveProperty("result");
    expect((await world.api.post(`${path}/cancel/`)).body).toEqual({ success: true, no_pending_message: true });
    expect(at((await world.api.get(details)).body, "message", "state")).toBe("cancelled");
    const nothing = await world.api.post(`${world.ws}/ai/agent/bxxxx/cancel/`);
    expect(nothing.status).toBe(406);
    expect(nothing.body).toEqual({ result: false, error_message: expect.any(String), error_id: expect.any(Number) });
  });

  test("the stream tells states and text and ends with done", async () => {
    const world = await start();
    await drop(world);
    const { path, made } = await ask(world);
    const read = `${path}/message/${textAt(made.body, "turn", "turn_id")}/read/`;
    const answer = await world.api.raw(read, { headers: { authorization: `Bearer ${D.relayKey}` } });
    expect(answer.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const events = [...(await answer.text()).matchAll(/event: (\w+)\ndata: (.*)\n\n/g)];
    const text = events
      .filter(([, name]) => name === "text")
      .map(([, , data]) => textAt(JSON.parse(data ?? ""), "text"));
    expect(text.join("")).toContain("notice period is ninety days");
    expect(events.at(-1)?.[1]).toBe("done");
    expect(JSON.parse(events.at(-1)?.[2] ?? "")).toMatchObject({ state: "complete" });
  });

  test("a follow-up is a flat answer, and the same idempotency key is the same turn", async () => {
    const world = await start({ aiTurnsMax: 2 });
    const { path } = await ask(world);
    const more = { question: "And then?", idempotency_key: "k1" };
    const second = await world.api.post(`${path}/message/`, more);
    expect(second.body).toMatchObject({ seq: 2, status: "pending", turn_id: expect.any(String) });
    expect((await world.api.post(`${path}/message/`, more)).body["turn_id"]).toBe(second.body["turn_id"]);
    expect(listAt((await world.api.get(`${path}/messages/list/`)).body, "messages")).toHaveLength(2);
    const third = await world.api.post(`${path}/message/`, { question: "And now?" });
    expect([third.status, at(third.body, "error", "code")]).toEqual([409, 168116]);
  });

  test("chats are listed, renamed, published, deleted, and private ones are nobody else's", async () => {
    const world = await start();
    const { emulator, api, ws } = world;
    const { path } = await ask(world);
    const person = callerOf(emulator, D.personKey);
    expect((await person.get(`${path}/details/`)).status).toBe(404);
    await api.post(`${path}/update/`, { name: "Notice" });
    expect(at((await api.post(`${path}/publish/`)).body, "thread")).toMatchObject({ name: "Notice", published: true });
    expect(listAt((await api.get(`${ws}/ai/agent/list/`)).body, "threads")).toHaveLength(1);
    await api.delete(`${path}/`);
    expect(listAt((await api.get(`${ws}/ai/agent/list/`)).body, "threads")).toHaveLength(0);
    expect(listAt((await api.get(`${ws}/ai/agent/list/deleted`)).body, "threads")).toHaveLength(1);
    const { path: open } = await ask(world, { privacy: "public" });
    expect((await person.get(`${open}/details/`)).status).toBe(200);
    const events = listAt((await api.get(`/events/search/?workspace_id=${D.workspaceId}&category=ai`)).body, "events");
    expect(events.map((one) => at(one, "event")).toReversed()).toEqual([
      "ai_chat_created",
      "ai_chat_updated",
      "ai_chat_published",
      "ai_chat_deleted",
      "ai_chat_created",
    ]);
  });

  test("a share with intelligence answers under its own wrapper, one without refuses", async () => {
    const world = await start();
    const { api, ws } = world;
    const share = async (intelligence: string) =>
      textAt((await api.post(`${ws}/create/share/`, { title: "Room", intelligence })).body, "share", "id");
    const id = await share("true");
    const made = await api.post(`/share/${id}/ai/agent/`, { question: "Anything?" });
    const [chat, turn] = [textAt(made.body, "thread", "thread_id"), textAt(made.body, "turn", "turn_id")];
    const details = await api.get(`/share/${id}/ai/agent/${chat}/message/${turn}/details/`);
    expect(at(details.body, "turn", "turn_id")).toBe(turn);
    expect((await api.post(`/share/${id}/ai/agent/`, { question: "x", privacy: "public" })).status).toBe(400);
    const refused = await api.post(`/share/${await share("false")}/ai/agent/`, { question: "Anything?" });
    expect(refused.body).toMatchObject({ error: { params: { reason: "intelligence_disabled" } } });
  });

  test.each([
    ["credits", 1696],
    ["plan", 1695],
    ["subscription", 1688],
  ] as const)("without %s it answers 402", async (payment, code) => {
    const world = await start({ payment });
    const { made } = await ask(world);
    expect([made.status, at(made.body, "error", "code")]).toEqual([402, code]);
    world.emulator.setKnobs({ payment: "none" });
    expect((await ask(world)).made.status).toBe(200);
  });
});

describe("the older ai/chat and the guide's", () => {
  test("the guide creates, polls messages/{id} and finds citations", async () => {
    const world = await start({ dialects: "guide" });
    const { nodeId } = await world.emulator.dropFile({ name: "a.txt", content: "Notice: ninety days", folder: "in" });
    await drop(world, "outside.txt");
    const folder = world.emulator.books().files.find((file) => file.id === nodeId)?.path;
    expect(folder).toBe("/in/a.txt");
    const list = await world.api.get(`${world.ws}/storage/root/list/`);
    const row = listAt(list.body, "nodes", "items").find((one) => at(one, "type") === "folder");
    const made = await world.api.json("POST", `${world.ws}/ai/chat/`, {
      type: "chat_with_files",
      query: "What is the notice?",
      folders_scope: textAt(row, "id"),
    });
    expect(made.body["chat_id"]).toBe(at(made.body, "chat", "id"));
    expect(made.body["message_id"]).toBe(at(made.body, "chat", "message", "id"));
    const path = `${world.ws}/ai/chat/${textAt(made.body, "chat_id")}/messages/${textAt(made.body, "message_id")}/`;
    expect(at((await world.api.get(path)).body, "message", "state")).toBe("in_progress");
    const turn = await answerOf(world, path);
    expect(at(turn, "state")).toBe("complete");
    expect(listAt(turn, "response", "citations").map((one) => at(one, "nodeId"))).toEqual([nodeId]);
  });

  test("the old reference reads message/{id}/details and its own states", async () => {
    const world = await start({ aiDelayMs: 100 });
    await drop(world);
    const made = await world.api.post(`${world.ws}/ai/chat/`, { type: "chat_with_files", question: "Notice period?" });
    const path = `${world.ws}/ai/chat/${textAt(made.body, "chat", "id")}/message/${textAt(made.body, "chat", "message", "id")}`;
    expect(at((await world.api.get(`${path}/details/`)).body, "message", "state")).toBe("ready");
    expect(await answerOf(world, `${path}/details/`)).toMatchObject({ state: "complete" });
    const stream = await world.api.raw(`${path}/read/`, { headers: { authorization: `Bearer ${D.relayKey}` } });
    expect(await stream.text()).toContain("event: done");
  });

  test.each([
    ["no type", { question: "x" }, "type"],
    ["no question", { type: "chat" }, "question"],
    ["a scope on a plain chat", { type: "chat", question: "x", folders_scope: "root:1" }, "type"],
    ["a depth of 11", { type: "chat_with_files", question: "x", folders_scope: "root:11" }, "folders_scope"],
    [
      "attachments beside scopes",
      { type: "chat_with_files", question: "x", files_attach: "2a", folders_scope: "root:1" },
      "files_attach",
    ],
    ["a question too long", { type: "chat", question: "x".repeat(12_769) }, "question"],
  ])("%s is refused by name", async (_what, fields, name) => {
    const { api, ws } = await start();
    const answer = await api.post(`${ws}/ai/chat/`, fields);
    expect([answer.status, at(answer.body, "error", "params", 0, "name")]).toEqual([400, name]);
  });

  test.each([
    ["snake", { node_id: expect.any(String), entries: [{ page_number: 1, excerpt: expect.any(String) }] }],
    ["none", undefined],
  ] as const)("citations may be spelled %s", async (aiCitations, wanted) => {
    const world = await start({ aiCitations });
    await drop(world);
    const turn = await answerOf(world, (await ask(world)).details);
    if (wanted) expect(at(turn, "response", "citations", 0)).toMatchObject(wanted);
    else expect(at(turn, "response")).not.toHaveProperty("citations");
  });
});

describe("indexing", () => {
  test("a file goes through pending and in_progress to ready, and is skipped until then", async () => {
    const world = await start({ indexDelayMs: 2_000 });
    const { nodeId } = await drop(world);
    const state = async () =>
      textAt((await world.api.get(`${world.ws}/storage/${nodeId}/details/`)).body, "node", "ai", "state");
    expect(await state()).toBe("pending");
    await vi.waitFor(async () => expect(await state()).toBe("ready"), SOON);
    const since = "2020-01-01%2000:00:00%20UTC";
    const poll = await world.api.get(`/activity/poll/${D.workspaceId}/?lastactivity=${since}`);
    expect(listAt(poll.body, "activity")).toContain(`ai_state:${nodeId}`);
    world.emulator.setKnobs({ indexDelayMs: 600_000 });
    await drop(world, "late.txt");
    const turn = await answerOf(world, (await ask(world)).details);
    expect(listAt(turn, "response", "citations").map((one) => at(one, "nodeId"))).toEqual([nodeId]);
  });

  test("indexing may fail for a name", async () => {
    const world = await start({ indexFailsFor: "broken" });
    const { nodeId } = await drop(world, "broken.txt");
    const node = await world.api.get(`${world.ws}/storage/${nodeId}/details/`);
    expect(at(node.body, "node", "ai", "state")).toBe("failed");
  });
});
