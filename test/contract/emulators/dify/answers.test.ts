import { afterEach, describe, expect, test } from "vitest";
import { createEmulators, get, post, TOPIC_APP, topicRun, upload } from "./dify-calls.ts";

const { start, stop } = createEmulators();
afterEach(stop);

const run = (body: object, key = TOPIC_APP.key) => ({ path: "/workflows/run", body, key });

test("GET /v1/ needs no key, and every answer names version and environment", async () => {
  const emulator = await start();
  const answer = await fetch(`${emulator.apiUrl}/`);
  expect(await answer.json()).toEqual({ welcome: "Dify OpenAPI", api_version: "v1", server_version: "1.14.2" });
  const refused = await fetch(`${emulator.apiUrl}/parameters`);
  expect([answer, refused].map(({ headers }) => [headers.get("x-version"), headers.get("x-env")])).toEqual([
    ["1.14.2", "PRODUCTION"],
    ["1.14.2", "PRODUCTION"],
  ]);
});

describe("authentication", () => {
  test.each([
    { authorization: undefined, message: "Authorization header must be provided and start with 'Bearer'" },
    { authorization: "Token x", message: "Authorization scheme must be 'Bearer'" },
    { authorization: "Bearer app-unknown", message: "Access token is invalid" },
  ])("$authorization is refused: $message", async ({ authorization, message }) => {
    const emulator = await start();
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await fetch(`${emulator.apiUrl}/info`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="api"');
    expect(await answer.text()).toBe(`${JSON.stringify({ code: "unauthorized", message, status: 401 })}\n`);
  });

  test("the scheme is read in any case", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const answer = await fetch(`${emulator.apiUrl}/info`, { headers: { authorization: `bEaReR ${TOPIC_APP.key}` } });
    expect(await answer.json()).toMatchObject({ mode: "workflow" });
  });

  test("an app whose API is off is forbidden", async () => {
    const emulator = await start({ apps: [{ ...TOPIC_APP, apiEnabled: false }] });
    const answer = await get(emulator, "/info", TOPIC_APP.key);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toEqual({
      code: "forbidden",
      message: "The app's API service has been disabled.",
      status: 403,
    });
  });
});

describe("refused runs", () => {
  test.each([
    { name: "no user", call: run({}), code: "invalid_param", message: /^Arg user must be provided\.$/ },
    { name: "empty user", call: run({ user: "" }), code: "invalid_param", message: /^Arg user must be provided\.$/ },
    {
      name: "no inputs",
      call: run({ user: "u" }),
      code: "invalid_param",
      message: /^1 validation error for WorkflowRunPayload\ninputs\n {2}Field required/,
    },
    {
      name: "an unknown response mode",
      call: run({ user: "u", inputs: {}, response_mode: "async" }),
      code: "invalid_param",
      message: /'blocking' or 'streaming'/,
    },
    {
      name: "a version that is no UUID",
      call: { path: "/workflows/seven/run", body: topicRun(), key: TOPIC_APP.key },
      code: "bad_request",
      message: /^Invalid workflow_id format: 'seven'\. $/,
    },
  ])("$name: 400 $code", async ({ call, code, message }) => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const answer = await post(emulator, call.path, call.body, call.key);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ code, message: expect.stringMatching(message), status: 400 });
    expect(emulator.books().runs).toEqual([]);
  });

  test("an unknown version is not found, with a hint that nobody should compare", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const id = "00000000-0000-4000-8000-000000000000";
    const answer = await post(emulator, `/workflows/${id}/run`, topicRun(), TOPIC_APP.key);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      code: "not_found",
      message: expect.stringContaining(`Workflow not found with id: ${id}`),
    });
  });

  test("malformed JSON is a bad request, another content type is unsupported", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const malformed = await post(emulator, "/workflows/run", "{bad", TOPIC_APP.key);
    expect([malformed.status, Object(await malformed.json()).code]).toEqual([400, "bad_request"]);
    const text = await fetch(`${emulator.apiUrl}/workflows/run`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOPIC_APP.key}`, "content-type": "text/plain" },
      body: "{}",
    });
    expect([text.status, Object(await text.json()).code]).toEqual([415, "unsupported_media_type"]);
  });

  test("nothing published: runs and parameters say so, each in its way", async () => {
    const emulator = await start({ apps: [{ ...TOPIC_APP, published: false }] });
    const refused = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    expect(await refused.json()).toEqual({ code: "invalid_param", message: "Workflow not published", status: 400 });
    const parameters = await get(emulator, "/parameters", TOPIC_APP.key);
    expect([parameters.status, Object(await parameters.json()).code]).toEqual([400, "app_unavailable"]);
  });

  test.each([
    { quotaStyle: 400 as const, code: "invalid_param" },
    { quotaStyle: 429 as const, code: "too_many_requests" },
  ])("one run too many: $quotaStyle $code and no wish when to come back", async ({ quotaStyle, code }) => {
    const emulator = await start({ apps: [TOPIC_APP], concurrency: 1, quotaStyle, workMs: 60_000 });
    const first = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    const second = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    expect(second.status).toBe(quotaStyle);
    expect(second.headers.get("retry-after")).toBeNull();
    expect(await second.json()).toMatchObject({
      code,
      message: expect.stringMatching(/^Too many requests\. .* maximum concurrent requests allowed for .* is 1\.$/),
    });
    await first.body?.cancel();
  });

  test("a used-up quota is refused by its own name", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    emulator.addFault({ action: { kind: "quota_exhausted" } });
    const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    expect(answer.status).toBe(429);
    expect(await answer.json()).toMatchObject({
      code: "rate_limit_error",
      message: expect.stringMatching(/^Workflow execution quota limit reached for tenant /),
    });
  });
});

test("an unknown path gets Flask's page, a known one with a wrong method JSON", async () => {
  const emulator = await start();
  const unknown = await get(emulator, "/workflows/nothing/here");
  expect([unknown.status, unknown.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
  const wrong = await get(emulator, "/workflows/run");
  expect([wrong.status, Object(await wrong.json()).code]).toEqual([405, "method_not_allowed"]);
});

test("parameters show the Start node's variables by type, and the limits in megabytes", async () => {
  const emulator = await start();
  const answer = await (await get(emulator, "/parameters")).json();
  expect(answer).toMatchObject({
    user_input_form: [
      { file: { variable: "document", required: true, allowed_file_types: expect.arrayContaining(["custom"]) } },
      { "text-input": { variable: "title", required: false, max_length: 200 } },
    ],
    system_parameters: { image_file_size_limit: 10, file_size_limit: 15 },
  });
});

describe("blocking runs", () => {
  test("the row's ending in Python's JSON, without a newline", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const answer = await post(emulator, "/workflows/run", { inputs: { topic: "möwen" }, user: "u" }, TOPIC_APP.key);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json; charset=utf-8"]);
    const text = await answer.text();
    expect(text).toMatch(/^\{"task_id": "[0-9a-f-]{36}", "workflow_run_id": "([0-9a-f-]{36})", "data": \{"id": "\1", /);
    expect(text).toContain('"status": "succeeded", "outputs": {"summary": "About m\\u00f6wen"}, "error": null');
    expect(text.endsWith("}}")).toBe(true);
  });

  test("a failed node is still 200", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    emulator.addFault({ action: { kind: "node_failure", message: "no luck" } });
    const answer = await post(emulator, "/workflows/run", { inputs: { topic: "x" }, user: "u" }, TOPIC_APP.key);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ data: { status: "failed", error: "no luck", outputs: {} } });
  });

  test("wrong inputs are a 400 in every profile", async () => {
    const emulator = await start({ apps: [TOPIC_APP] });
    const answer = await post(emulator, "/workflows/run", { inputs: {}, user: "u" }, TOPIC_APP.key);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ message: "topic is required in input form" });
  });
});

describe("knobs of the server", () => {
  test("a clock of its own is told in Date, and links signed by it open", async () => {
    const emulator = await start({ clockSkewMs: 600_000 });
    const answer = await upload(emulator);
    const aheadMs = Date.parse(answer.headers.get("date") ?? "") - Date.now();
    expect(aheadMs).toBeGreaterThan(590_000);
    expect(aheadMs).toBeLessThanOrEqual(600_000);
    const link = String(Object(await answer.json()).source_url);
    expect((await fetch(link)).status).toBe(200);
  });

  test("a workflow that begins with a trigger declares no inputs", async () => {
    const emulator = await start({ apps: [{ ...TOPIC_APP, entry: "trigger" }] });
    const answer = await get(emulator, "/parameters", TOPIC_APP.key);
    expect(await answer.json()).toMatchObject({ user_input_form: [] });
  });

  test("P3 refuses to run it", async () => {
    const emulator = await start({ profile: "P3", apps: [{ ...TOPIC_APP, entry: "trigger" }] });
    const answer = await post(emulator, "/workflows/run", topicRun(), TOPIC_APP.key);
    expect(await answer.json()).toMatchObject({ code: "trigger_workflow_service_mode_unavailable", status: 403 });
    expect(emulator.books().runs).toEqual([]);
  });
});
