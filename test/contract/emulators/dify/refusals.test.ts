import { afterEach, describe, expect, test, vi } from "vitest";
import { SOON } from "../../../support/soon.ts";
import { createEmulators, get, post, TOPIC_APP, topicRun, uploadId } from "./dify-calls.ts";

const { start, stop } = createEmulators();
afterEach(stop);

const NOBODY = "00000000-0000-4000-8000-000000000000";
const answerOf = async (answer: Response) => ({ status: answer.status, body: Object(await answer.json()) });

test.each([
  { profile: "P1", version: "1.12.1" },
  { profile: "P2", version: "1.14.2" },
  { profile: "P3", version: "1.17.0" },
] as const)("$profile is $version in its header and at its root", async ({ profile, version }) => {
  const emulator = await start({ profile });
  const answer = await fetch(`${emulator.apiUrl}/`);
  expect([answer.headers.get("x-version"), Object(await answer.json()).server_version]).toEqual([version, version]);
});

test("the key of a chat app opens no route of workflows", async () => {
  const emulator = await start({ apps: [{ ...TOPIC_APP, mode: "chat" }] });
  const answers = await Promise.all([
    post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key),
    post(emulator, `/workflows/${NOBODY}/run`, topicRun(), TOPIC_APP.key),
    post(emulator, `/workflows/tasks/${NOBODY}/stop`, { user: "u" }, TOPIC_APP.key),
    get(emulator, `/workflows/run/${NOBODY}`, TOPIC_APP.key),
    get(emulator, `/workflow/${NOBODY}/events?user=u`, TOPIC_APP.key),
  ]);
  for (const answer of answers)
    expect((await answerOf(answer)).body).toEqual({
      code: "not_workflow_app",
      message: "Please check if your app mode matches the right API route.",
      status: 400,
    });
});

test("the draft of a workflow cannot be run, its published version can", async () => {
  const emulator = await start({ apps: [TOPIC_APP] });
  const [app] = emulator.books().apps;
  const run = (id: string | undefined) => post(emulator, `/workflows/${id}/run`, topicRun(), TOPIC_APP.key);
  expect((await answerOf(await run(app?.draftWorkflowId))).body).toEqual({
    code: "bad_request",
    message:
      `Cannot use draft workflow version. Workflow ID: ${app?.draftWorkflowId}. ` +
      "Please use a published workflow version or leave workflow_id empty.",
    status: 400,
  });
  expect(await (await run(app?.workflowId)).text()).toContain("workflow_finished");
});

describe("what is not found", () => {
  test("has a guess at the route behind its message", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const path = `/workflows/run/${NOBODY}`;
    const message =
      `Workflow run not found. You have requested this URI [/v1${path}] ` +
      "but did you mean /v1/workflows/run/<string:workflow_run_id> ?";
    const { body } = await answerOf(await get(emulator, path, TOPIC_APP.key));
    expect(body).toEqual({ code: "not_found", message, status: 404 });
  });

  test("is told in Dify's bare words where no route is like it", async () => {
    const emulator = await start({ hint404: false });
    const messages = [
      await post(emulator, `/workflows/${NOBODY}/run`, topicRun()),
      await get(emulator, `/workflows/run/${NOBODY}`),
      await get(emulator, `/workflow/${NOBODY}/events?user=u`),
      await get(emulator, `/files/${await uploadId(emulator)}/preview`),
    ].map(async (answer) => (await answerOf(answer)).body.message);
    expect(await Promise.all(messages)).toEqual([
      `Workflow not found with id: ${NOBODY}`,
      "Workflow run not found.",
      "Workflow run not found",
      "File not found in message context",
    ]);
  });

  test("an id that is no UUID is more than the database can bear", async () => {
    const emulator = await start();
    const answer = await get(emulator, "/workflows/run/seven");
    expect(await answerOf(answer)).toEqual({
      status: 500,
      body: { code: "unknown", message: "Internal Server Error", status: 500 },
    });
  });
});

test.each([
  { run: "dead" as const, runs: [] },
  { run: "goes on" as const, runs: [{ status: "succeeded" }] },
])("a 500 does not say what became of the run: here it $run", async ({ run, runs }) => {
  const emulator = await start({ apps: [TOPIC_APP] });
  emulator.addFault({ action: { kind: "internal_error", run } });
  const { status, body } = await answerOf(await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key));
  expect({ status, code: body.code, message: body.message }).toEqual({
    status: 500,
    code: "internal_server_error",
    message: expect.stringMatching(/^The server encountered an internal error .* error in the application\.$/),
  });
  await vi.waitFor(() => expect(emulator.books().runs).toMatchObject(runs), SOON);
});

describe("blocking runs", () => {
  const block = async (action: Parameters<Awaited<ReturnType<typeof start>>["addFault"]>[0]["action"]) => {
    const emulator = await start({ apps: [TOPIC_APP] });
    emulator.addFault({ action });
    const body = topicRun({ response_mode: "blocking" });
    return answerOf(await post(emulator, "/workflows/run", body, TOPIC_APP.key));
  };

  test("that succeed in part say so, and count no exceptions", async () => {
    const { status, body } = await block({ kind: "partial" });
    expect({ status, data: body.data }).toMatchObject({
      status: 200,
      data: { status: "partial-succeeded", outputs: { summary: "About cats" } },
    });
    expect(body.data).not.toHaveProperty("exceptions_count");
    expect(body.data).not.toHaveProperty("files");
  });

  test("that pause name their nodes and the form", async () => {
    const { status, body } = await block({ kind: "pause" });
    expect({ status, data: body.data }).toMatchObject({
      status: 200,
      data: {
        paused_nodes: ["work"],
        reasons: [{ form_id: expect.any(String), form_token: expect.any(String), expiration_time: expect.any(Number) }],
      },
    });
  });

  test("whose engine fails are an HTTP error", async () => {
    const failure = { code: "provider_quota_exceeded", status: 400, message: "Your quota is used up." };
    expect(await block({ kind: "error_frame", ...failure })).toEqual({ status: 400, body: failure });
    expect(await block({ kind: "error_frame" })).toMatchObject({
      status: 500,
      body: { code: "internal_server_error" },
    });
  });
});
