import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { createDify, type DifyDeps } from "../../../src/dify/create-dify.ts";
import { wasSurelyNotStarted } from "../../../src/dify/not-started.ts";
import type { DifyOutputFile } from "../../../src/dify/types.ts";
import { TransportError } from "../../../src/http/transport-error.ts";
import type { OutboundRequest, OutboundResponse } from "../../../src/http/types.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

type Answer = { status?: number; body?: unknown; headers?: Record<string, string> } | Error;

const reply = (answer: Exclude<Answer, Error>): OutboundResponse => {
  const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {});
  const headers = { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) };
  return {
    status: answer.status ?? 200,
    headers: { ...headers, ...answer.headers },
    body: Readable.from([Buffer.from(text)]),
  };
};

/** A Dify behind a transport that answers in turn; the last answer stays. */
function fake(answers: readonly Answer[], part: Partial<DifyDeps> = {}) {
  const requests: OutboundRequest[] = [];
  const dify = createDify({
    send: async (request) => {
      const answer = answers[Math.min(requests.length, answers.length - 1)] ?? {};
      requests.push(request);
      if (answer instanceof Error) throw answer;
      return reply(answer);
    },
    baseUrl: "https://dify.example/v1",
    apiKey: "app-key",
    clock: { now: () => 1_000, sleep: async () => {} },
    random: () => 0.5,
    log: silentLog,
    silence: { beforeWorkMs: 0, atWorkMs: 0 },
    ...part,
  });
  return { dify, requests, paths: () => requests.map(({ url }) => `${url.pathname}${url.search}`) };
}

const { signal } = new AbortController();
const drain = async (events: AsyncIterable<unknown>): Promise<unknown> => {
  try {
    for await (const _ of events);
    return undefined;
  } catch (error) {
    return error;
  }
};
const stream = { "content-type": "text/event-stream; charset=utf-8" };
const RUN = { user: "relay-1", inputs: { topic: "x" } };

describe("every call", () => {
  test.each(["https://dify.example", "https://dify.example/", "https://dify.example/v1", " https://dify.example/v1/ "])(
    "finds the API below %j",
    async (baseUrl) => {
      const { dify, requests } = fake([{ body: { name: "n", mode: "workflow" } }], { baseUrl });
      await dify.readInfo(signal);
      expect(requests[0]?.url.href).toBe("https://dify.example/v1/info");
      expect(requests[0]?.headers).toMatchObject({ authorization: "Bearer app-key", "accept-encoding": "identity" });
    },
  );

  test.each(["", "dify.example", "ftp://dify.example"])("%j is no address", (baseUrl) => {
    expect(() => fake([], { baseUrl })).toThrow(expect.objectContaining({ code: "config_invalid" }));
  });

  test("an answer of another shape says where, never what", async () => {
    const { dify } = fake([{ body: { name: "n", secret: "s3cret" } }]);
    await expect(dify.readInfo(signal)).rejects.toMatchObject({
      code: "answer_malformed",
      failure: "transient",
      message: expect.not.stringContaining("s3cret"),
      nextAction: expect.stringContaining("between the relay and Dify"),
    });
  });
});

describe("starting a run", () => {
  test("a page in place of a stream passes, and says nothing of whether a run began", async () => {
    const { dify } = fake([{ body: "<!doctype html>", headers: { "content-type": "text/html" } }]);
    const error = await drain(dify.startRun(RUN, signal));
    expect(error).toMatchObject({ code: "answer_malformed", failure: "transient" });
    expect(wasSurelyNotStarted(error)).toBe(false);
  });

  const finished = `data: ${JSON.stringify({ event: "workflow_finished", workflow_run_id: "R", task_id: "T", data: { status: "succeeded", outputs: {} } })}\n\n`;

  test("asks for a stream in the name of the user", async () => {
    const { dify, requests } = fake([{ headers: stream, body: finished }]);
    expect(await drain(dify.startRun(RUN, signal))).toBeUndefined();
    expect(requests[0]).toMatchObject({ method: "POST", repeatable: false, bodyTimeoutMs: 0 });
    expect(requests[0]?.headers).toMatchObject({ accept: "text/event-stream" });
    expect(JSON.parse(String(await requests[0]?.body?.()))).toEqual({
      inputs: { topic: "x" },
      response_mode: "streaming",
      user: "relay-1",
    });
  });

  test("nothing is sent before somebody listens", () => {
    const { dify, requests } = fake([{}]);
    dify.startRun(RUN, signal);
    expect(requests).toEqual([]);
  });

  test.each<{ what: string; answer: Answer; code: string; sure: boolean }>([
    {
      what: "a failure of Dify",
      answer: { status: 500, body: { code: "internal_server_error", message: "x" } },
      code: "upstream_unavailable",
      sure: false,
    },
    {
      what: "a gateway that gave up",
      answer: { status: 504, body: "<html>", headers: { "content-type": "text/html" } },
      code: "upstream_unavailable",
      sure: false,
    },
    {
      what: "overload told as 400",
      answer: {
        status: 400,
        body: { code: "invalid_param", message: "Too many requests. Please try again later.", status: 400 },
      },
      code: "dify_overloaded",
      sure: true,
    },
    {
      what: "a lost connection",
      answer: new TransportError("connection_lost", "x", { sent: true }),
      code: "connection_lost",
      sure: false,
    },
    {
      what: "no connection",
      answer: new TransportError("connect_failed", "x", { sent: false }),
      code: "connect_failed",
      sure: true,
    },
    { what: "an empty stream", answer: { headers: stream, body: "" }, code: "stream_truncated", sure: false },
    { what: "an answer that is no stream", answer: { body: {} }, code: "answer_malformed", sure: false },
  ])("$what is never repeated here; surely not started: $sure", async ({ answer, code, sure }) => {
    const { dify, requests } = fake([answer]);
    const error = await drain(dify.startRun(RUN, signal));
    expect(error).toMatchObject({ code });
    expect(wasSurelyNotStarted(error)).toBe(sure);
    expect(requests).toHaveLength(1);
  });
});

describe("following a run", () => {
  test("asks for the state so far, in the name of the same user", async () => {
    const { dify, paths } = fake([{ headers: stream, body: "" }]);
    await drain(dify.followRun({ workflowRunId: "a/b", user: "relay 1" }, signal));
    expect(paths()).toEqual(["/v1/workflow/a%2Fb/events?user=relay+1&include_state_snapshot=true"]);
  });

  test("a server without this endpoint is told from one without this run", async () => {
    const none = fake([{ status: 404, body: "<!doctype html>", headers: { "content-type": "text/html" } }]);
    expect(await drain(none.dify.followRun({ workflowRunId: "R", user: "u" }, signal))).toMatchObject({
      code: "unsupported_here",
      failure: "permanent",
    });
    const unknown = fake([{ status: 404, body: { code: "not_found", message: "Workflow run not found" } }]);
    expect(await drain(unknown.dify.followRun({ workflowRunId: "R", user: "u" }, signal))).toMatchObject({
      code: "not_found",
    });
  });
});

describe("reading runs", () => {
  const record = {
    id: "R",
    workflow_id: "W",
    status: "succeeded",
    inputs: "{}",
    outputs: { a: 1 },
    error: null,
    total_steps: 3,
    total_tokens: 7,
    created_at: 1705407629,
    finished_at: 1705407630,
    elapsed_time: 1.23,
  };
  const read = {
    id: "R",
    workflowId: "W",
    status: "succeeded",
    outputs: { a: 1 },
    totalSteps: 3,
    totalTokens: 7,
    createdAtMs: 1705407629000,
    finishedAtMs: 1705407630000,
    elapsedMs: 1230,
  };

  test.each([
    { what: "an object", outputs: { a: 1 }, status: "succeeded" },
    { what: "a JSON string", outputs: '{"a": 1}', status: "succeeded" },
  ])("outputs may be $what", async ({ outputs }) => {
    const { dify } = fake([{ body: { ...record, outputs } }]);
    expect(await dify.readRun("R", signal)).toEqual(read);
  });

  test("a running one has no end", async () => {
    const { dify } = fake([{ body: { ...record, status: "running", outputs: null, finished_at: null } }]);
    const { finishedAtMs: _, ...rest } = read;
    expect(await dify.readRun("R", signal)).toEqual({ ...rest, status: "running", outputs: {} });
  });

  test("an unknown one is undefined, whatever the words", async () => {
    const message = "Workflow run not found. You have requested this URI [/v1/…] but did you mean …?";
    const { dify } = fake([{ status: 404, body: { code: "not_found", message, status: 404 } }]);
    expect(await dify.readRun("R", signal)).toBeUndefined();
  });

  test("an unknown route is no unknown run", async () => {
    const { dify } = fake([{ status: 404, body: "<html>", headers: { "content-type": "text/html" } }]);
    await expect(dify.readRun("R", signal)).rejects.toMatchObject({ code: "unsupported_here" });
  });

  test("a failure that may pass is tried again", async () => {
    const { dify, requests } = fake([{ status: 502, body: "<html>" }, { body: record }]);
    expect(await dify.readRun("R", signal)).toEqual(read);
    expect(requests).toHaveLength(2);
  });

  test("all pages of a user's runs are read; oldest first, each once", async () => {
    const log = (id: string, at: number) => ({
      created_at: at,
      workflow_run: { id, status: "running", created_at: at },
    });
    const { dify, paths } = fake([
      { body: { has_more: true, data: [log("C", 3), log("B", 2), { workflow_run: null }] } },
      { body: { has_more: false, data: [log("B", 2), log("A", 2)] } },
    ]);
    const rows = await dify.findRuns("relay-1", signal);
    expect(rows.map((row) => row.workflowRunId)).toEqual(["A", "B", "C"]);
    expect(rows[0]).toEqual({ workflowRunId: "A", status: "running", createdAtMs: 2000 });
    expect(paths()[1]).toBe("/v1/workflows/logs?created_by_end_user_session_id=relay-1&page=2&limit=100");
  });
});

describe("inputs", () => {
  test("are read whatever their type", async () => {
    const form = [
      { "text-input": { label: "Topic", variable: "topic", max_length: 200, options: [], required: true } },
      { select: { variable: "kind", options: ["a", "b"], required: false } },
      {
        file: {
          variable: "doc",
          allowed_file_types: ["document"],
          allowed_file_extensions: [],
          allowed_file_upload_methods: ["local_file"],
        },
      },
      { external_data_tool: { type: "api" } },
    ];
    const { dify } = fake([{ body: { user_input_form: form, system_parameters: { file_size_limit: 15 } } }]);
    const { inputs, uploadLimits } = await dify.readParameters(signal);
    expect(inputs).toEqual([
      { variable: "topic", type: "text-input", required: true, maxLength: 200 },
      { variable: "kind", type: "select", required: false, options: ["a", "b"] },
      {
        variable: "doc",
        type: "file",
        required: false,
        allowedFileTypes: ["document"],
        allowedFileExtensions: [],
        allowedUploadMethods: ["local_file"],
      },
    ]);
    const mib = 1024 * 1024;
    expect(uploadLimits).toEqual({
      image: 10 * mib,
      video: 100 * mib,
      audio: 50 * mib,
      other: 15 * mib,
    });
  });
});

describe("output files", () => {
  const file = (url: string): DifyOutputFile => ({ name: "a", mimeType: "text/plain", url });
  const open = async (url: string, part: Partial<DifyDeps> = {}, answer: Answer = { body: "bytes" }) => {
    const { dify, requests } = fake([answer], part);
    const opened = await dify.openOutput(file(url), signal);
    return { opened, request: requests[0] };
  };

  test.each<[string, string, Partial<DifyDeps>, string]>([
    ["a relative link", "/files/tools/a.txt?sign=x=", {}, "https://dify.example/files/tools/a.txt?sign=x="],
    ["a link to the API's host", "https://dify.example/files/1?s=1", {}, "https://dify.example/files/1?s=1"],
    [
      "a link to a host only Dify knows",
      "http://api:5001/files/1?s=1",
      { filesBaseUrl: "https://files.example/dify/" },
      "https://files.example/dify/files/1?s=1",
    ],
    [
      "a link to an allowed place",
      "https://cdn.example/x?y=1",
      { allowedFileOrigins: ["https://cdn.example"], filesBaseUrl: "https://files.example" },
      "https://cdn.example/x?y=1",
    ],
    [
      "a link of Dify Cloud",
      "https://upload.dify.ai/files/1?s=1",
      { baseUrl: "https://api.dify.ai/v1" },
      "https://upload.dify.ai/files/1?s=1",
    ],
  ])("%s is fetched from the right place, without the key", async (_, url, part, href) => {
    const { opened, request } = await open(url, part);
    expect(request?.url.href).toBe(href);
    expect(Object.keys(request?.headers ?? {})).not.toContain("authorization");
    expect(opened.size).toBe(5);
    opened.body.destroy();
  });

  test.each([
    { url: "http://169.254.169.254/latest/meta-data", code: "host_refused" },
    { url: "http://dify.example/files/1", code: "host_refused" },
    { url: "//evil.example/files/1", code: "host_refused" },
    { url: "file:///etc/passwd", code: "output_expired" },
    { url: "", code: "output_expired" },
  ])("nothing is asked of $url", async ({ url, code }) => {
    const { dify, requests } = fake([{}]);
    await expect(dify.openOutput(file(url), signal)).rejects.toMatchObject({ code, retryable: false });
    expect(requests).toEqual([]);
  });

  test("what has another length than Dify told is not the file, unless it lies elsewhere", async () => {
    const told = { ...file("/files/1"), size: 9 };
    const asked = (about: DifyOutputFile) => fake([{ body: "bytes" }]).dify.openOutput(about, signal);
    await expect(asked(told)).rejects.toMatchObject({ code: "answer_malformed", retryable: true });
    const { body, size } = await asked({ ...told, isElsewhere: true });
    expect(size).toBe(5);
    body.destroy();
  });

  test.each([
    { status: 403, code: "output_expired" },
    { status: 404, code: "output_expired" },
    { status: 302, code: "host_refused" },
    { status: 503, code: "upstream_unavailable" },
  ])("$status is $code", async ({ status, code }) => {
    await expect(open("/files/1", {}, { status, headers: { location: "https://x.example" } })).rejects.toMatchObject({
      code,
    });
  });
});
