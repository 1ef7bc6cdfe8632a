import { once } from "node:events";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { prepareInputs, THE_FILE } from "../../../src/dify/build-inputs.ts";
import { createDify, type DifyClient, type DifyDeps } from "../../../src/dify/create-dify.ts";
import { errorOfRun } from "../../../src/dify/dify-error.ts";
import { findFileInput } from "../../../src/dify/find-file-input.ts";
import { wasSurelyNotStarted } from "../../../src/dify/not-started.ts";
import { splitOutputs } from "../../../src/dify/split-outputs.ts";
import type { DifyRunEvent } from "../../../src/dify/types.ts";
import type { AppConfig } from "../../../src/emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../../../src/emulators/dify/defaults.ts";
import type { SentRunAction } from "../../../src/emulators/dify/run-faults.ts";
import {
  type DifyEmulator,
  type DifyEmulatorOptions,
  startDifyEmulator,
} from "../../../src/emulators/dify/start-dify-emulator.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { openTransport } from "../../support/open-transport.ts";
import { SOON } from "../../support/soon.ts";
import { driveRun, QUICK } from "./drive-run.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Setting = { readonly dify: DifyClient; readonly emulator: DifyEmulator; readonly signal: AbortSignal };

async function setUp(options: DifyEmulatorOptions = {}, part: Partial<DifyDeps> = {}): Promise<Setting> {
  const emulator = await startDifyEmulator({ quiet: true, workMs: 30, ...options });
  const transport = openTransport();
  closers.push(() => emulator.close(), transport.close);
  const dify = createDify({
    send: transport.send,
    baseUrl: emulator.url,
    apiKey: DEFAULT_APP_KEY,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    ...part,
  });
  return { dify, emulator, signal: AbortSignal.timeout(20_000) };
}

const CSV = "name,city\n Ada ,London\n\nAda,London\nBen,Paris\n";
const USER = "relay-1";

async function prepare({ dify, signal }: Setting, user = USER): Promise<Readonly<Record<string, unknown>>> {
  const { inputs: declared } = await dify.readParameters(signal);
  const found = findFileInput(declared);
  if (found.kind !== "one") throw new Error("the emulated app takes one file");
  const file = { name: "People.CSV", mimeType: "text/csv" };
  const upload = await dify.uploadFile({ ...file, user, body: Readable.from([Buffer.from(CSV)]) }, signal);
  return prepareInputs(declared, { [found.input.variable]: THE_FILE }, file).fill({ uploadId: upload.id });
}

async function collect(events: AsyncIterable<DifyRunEvent>): Promise<{ events: DifyRunEvent[]; error: unknown }> {
  const seen: DifyRunEvent[] = [];
  try {
    for await (const event of events) seen.push(event);
    return { events: seen, error: undefined };
  } catch (error) {
    return { events: seen, error };
  }
}

const fault = ({ emulator }: Setting, action: SentRunAction, path = "/workflows/run"): void => {
  emulator.addFault({ match: { method: "POST", path }, action });
};
const runsOf = ({ emulator }: Setting): number => emulator.books().runs.length;

describe.each(["P1", "P2", "P3"] as const)("profile %s", (profile) => {
  test("a file goes in and comes out: upload, run, record, download", async () => {
    const setting = await setUp({ profile });
    const { dify, signal } = setting;
    const run = { user: USER, inputs: await prepare(setting) };
    const { events, error } = await collect(dify.startRun(run, signal));
    expect(error).toBeUndefined();
    const handles = events.find((event) => event.kind === "handles");
    expect(handles).toMatchObject({ workflowRunId: expect.any(String), taskId: expect.any(String) });
    expect(events.filter((event) => event.kind === "node").length).toBeGreaterThan(2);
    expect(events.at(-1)).toMatchObject({ kind: "finished", status: "succeeded" });

    const detail = await dify.readRun(handles?.workflowRunId ?? "", signal);
    expect(detail).toMatchObject({ status: "succeeded", totalSteps: 3 });
    const { files, texts, values } = splitOutputs(detail?.outputs ?? {});
    expect(texts.map(({ name }) => name)).toEqual(["report.md"]);
    expect(values.map(({ name }) => name)).toEqual(["stats.json"]);
    const [file] = files;
    if (file === undefined) throw new Error("no output file");
    const opened = await dify.openOutput(file, signal);
    const content = await text(opened.body);
    expect(Buffer.byteLength(content)).toBe(opened.size);
    expect(content.split(/\r?\n/).filter(Boolean)).toEqual(["name,city", "Ada,London", "Ben,Paris"]);
  });

  test("wrong inputs are told as such, however this version tells them, and start nothing", async () => {
    const setting = await setUp({ profile });
    const driven = driveRun(setting.dify, { user: USER, inputs: {} }, setting.signal);
    if (profile === "P1") {
      await expect(driven).rejects.toMatchObject({ code: "dify_input_invalid" });
    } else {
      const { ending } = await driven;
      const error =
        ending.do === "fail" ? ending.error : ending.do === "finish" ? errorOfRun(ending.detail) : undefined;
      expect(error).toMatchObject({ code: "dify_input_invalid", message: expect.stringContaining("document") });
    }
    expect(runsOf(setting)).toBe(0);
  });

  test.each<{ what: string; action: SentRunAction }>([
    { what: "the first frames are lost", action: { kind: "drop_first", frames: 1 } },
    { what: "the stream is cut before the first frame", action: { kind: "cut_after", frames: 0 } },
    { what: "the stream is cut after the first frame", action: { kind: "cut_after", frames: 1 } },
    { what: "the stream is cut within a frame", action: { kind: "cut_after", frames: 2, at: "inside" } },
    {
      what: "the stream is cut between two line ends",
      action: { kind: "cut_after", frames: 3, at: "between newlines" },
    },
    { what: "the last frame is lost", action: { kind: "drop_terminal" } },
    { what: "the stream comes byte by byte", action: { kind: "chunking", bytes: 1 } },
    { what: "several frames come in one piece", action: { kind: "coalesce", frames: 4 } },
    { what: "one frame is 3 MB", action: { kind: "large_frame", bytes: 3_000_000 } },
    { what: "the stream is silent and ends", action: { kind: "silence", ms: 50 } },
    { what: "a gateway gives up while the run goes on", action: { kind: "gateway" } },
    { what: "the answer is a 500 while the run goes on", action: { kind: "internal_error", run: "goes on" } },
    { what: "the run waits in a queue first", action: { kind: "queue_delay", ms: 200 } },
  ])("one POST is enough when $what", async ({ action }) => {
    const setting = await setUp({ profile });
    const run = { user: USER, inputs: await prepare(setting) };
    fault(setting, action);
    const { ending, steps } = await driveRun(setting.dify, run, setting.signal);
    expect(ending).toMatchObject({ do: "finish", detail: { status: "succeeded" }, doubles: [] });
    expect(steps.filter((step) => step === "start")).toHaveLength(1);
    expect(runsOf(setting)).toBe(1);
  });

  test("a stream that is heard to its end tells of success what the record tells, and spares asking for it", async () => {
    const setting = await setUp({ profile });
    const run = { user: USER, inputs: await prepare(setting) };
    const { ending, steps, known } = await driveRun(setting.dify, run, setting.signal);
    expect(steps).toEqual(["start", "finish"]);
    const record = await setting.dify.readRun(known.workflowRunId ?? "", setting.signal);
    const { id, status, workflowId, totalTokens, totalSteps } = record ?? {};
    expect(ending).toMatchObject({ detail: { id, status, workflowId, totalTokens, totalSteps } });
    expect(workflowId).toBeDefined();
    const told = splitOutputs(ending.do === "finish" ? ending.detail.outputs : {});
    const { texts, values, files } = splitOutputs(record?.outputs ?? {});
    expect(told).toMatchObject({ texts, values });
    expect(told.files.map(({ name }) => name)).toEqual(files.map(({ name }) => name));
  });

  test("one POST is enough when the logs know of the run only later", async () => {
    const setting = await setUp({ profile });
    const run = { user: USER, inputs: await prepare(setting) };
    fault(setting, { kind: "cut_after", frames: 0 });
    fault(setting, { kind: "log_lag", ms: 150 });
    const { ending, steps } = await driveRun(setting.dify, run, setting.signal);
    expect(ending).toMatchObject({ do: "finish", detail: { status: "succeeded" }, doubles: [] });
    expect(steps.filter((step) => step === "start")).toHaveLength(1);
    expect(runsOf(setting)).toBe(1);
  });

  test.each([400, 429] as const)("overload told as %i is throttling, and nothing was started", async (quotaStyle) => {
    const setting = await setUp({ profile });
    const run = { user: USER, inputs: await prepare(setting) };
    fault(setting, { kind: "overload", quotaStyle });
    const { error } = await collect(setting.dify.startRun(run, setting.signal));
    expect(error).toMatchObject({ code: "dify_overloaded", failure: "throttled" });
    expect(wasSurelyNotStarted(error)).toBe(true);
    expect(runsOf(setting)).toBe(0);
  });

  test("a worker that knows only that it submitted finds the run; one that knows the id joins it", async () => {
    const setting = await setUp({ profile, workMs: 400 });
    const { dify, signal } = setting;
    const run = { user: USER, inputs: await prepare(setting) };
    const submittedAtMs = Date.now();
    let workflowRunId = "";
    for await (const event of dify.startRun(run, signal)) {
      if (event.kind !== "handles") continue;
      workflowRunId = event.workflowRunId;
      break; // the worker dies here
    }
    const [blind, knowing] = await Promise.all([
      driveRun(dify, run, signal, { known: { submittedAtMs } }),
      driveRun(dify, run, signal, { known: { submittedAtMs, workflowRunId } }),
    ]);
    expect(blind.known.workflowRunId).toBe(workflowRunId);
    for (const { ending, steps } of [blind, knowing]) {
      expect(ending).toMatchObject({ do: "finish", detail: { id: workflowRunId, status: "succeeded" } });
      expect(steps).not.toContain("start");
      expect(steps).toContain("follow");
    }
    expect(runsOf(setting)).toBe(1);
  });

  test("a run that broke down in a node is a failed run, with the reason", async () => {
    const setting = await setUp({ profile });
    const run = { user: USER, inputs: await prepare(setting) };
    fault(setting, { kind: "node_failure", message: "no such model" });
    const { ending } = await driveRun(setting.dify, run, setting.signal);
    if (ending.do !== "finish") throw new Error(`ended by ${ending.do}`);
    expect(errorOfRun(ending.detail)).toMatchObject({
      code: "dify_run_failed",
      message: expect.stringContaining("no such model"),
    });
  });

  test("a run that Dify has no record of is none, however this version says so", async () => {
    const { dify, signal } = await setUp({ profile });
    expect(await dify.readRun(crypto.randomUUID(), signal)).toBeUndefined();
  });

  test("an error frame does not keep us waiting for the end of the stream", async () => {
    const setting = await setUp({ profile });
    const run = { user: USER, inputs: await prepare(setting) };
    fault(setting, { kind: "error_frame" });
    const { ending } = await driveRun(setting.dify, run, setting.signal);
    expect(ending).toMatchObject({ do: "finish", detail: { status: "failed" } });
  });

  test("runs of a user are found oldest first, those of others not at all", async () => {
    const setting = await setUp({ profile });
    const { dify, signal } = setting;
    const ids: string[] = [];
    for (const user of [USER, "relay-2", USER, USER]) {
      const inputs = await prepare(setting, user);
      const { events } = await collect(dify.startRun({ user, inputs }, signal));
      const handles = events.find((event) => event.kind === "handles");
      if (user === USER && handles !== undefined) ids.push(handles.workflowRunId);
    }
    const rows = await dify.findRuns(USER, signal);
    expect(rows.map((row) => row.workflowRunId)).toEqual(ids);
    expect(rows.every((row) => row.status === "succeeded")).toBe(true);
    expect(await dify.findRuns("nobody", signal)).toEqual([]);
  });

  test("a stopped run says so in its record", async () => {
    const setting = await setUp({ profile, workMs: 5_000 });
    const { dify, signal } = setting;
    const run = { user: USER, inputs: await prepare(setting) };
    let workflowRunId = "";
    for await (const event of dify.startRun(run, signal)) {
      if (event.kind !== "handles" || event.taskId === undefined) continue;
      workflowRunId = event.workflowRunId;
      await dify.stopRun({ taskId: event.taskId, user: USER }, signal);
    }
    const { ending } = await driveRun(dify, run, signal, { known: { submittedAtMs: Date.now(), workflowRunId } });
    expect(ending).toMatchObject({ do: "finish", detail: { status: "stopped" } });
  });
});

/** An app whose variable lists an extension, and not the kind of file that Dify knows by it. */
const CSV_ONLY: AppConfig = {
  key: DEFAULT_APP_KEY,
  inputs: [
    {
      variable: "table",
      type: "file",
      required: true,
      allowed_file_types: ["custom"],
      allowed_file_extensions: [".csv"],
    },
  ],
};

describe.each([
  { profile: "P1", takesUploads: false },
  { profile: "P2", takesUploads: false },
  { profile: "P3", takesUploads: true },
] as const)("a variable that lists .csv, on $profile", ({ profile, takesUploads }) => {
  const FILE = { name: "people.csv", mimeType: "text/csv" };
  const prepareTable = async ({ dify, signal }: Setting) =>
    prepareInputs((await dify.readParameters(signal)).inputs, { table: THE_FILE }, FILE);

  test("takes a table by link", async () => {
    const setting = await setUp({ profile, apps: [CSV_ONLY] });
    const server = createServer((_request, response) =>
      response.writeHead(200, { "content-type": "text/csv", "content-length": String(CSV.length) }).end(CSV),
    ).listen(0, "127.0.0.1");
    closers.push(async () => void server.close());
    await once(server, "listening");
    const url = `http://127.0.0.1:${Object(server.address()).port}/people.csv`;
    const inputs = (await prepareTable(setting)).fill({ url });
    const { ending } = await driveRun(setting.dify, { user: USER, inputs }, setting.signal);
    expect(ending).toMatchObject({ do: "finish", detail: { status: "succeeded" } });
  });

  test(takesUploads ? "takes it by upload, too" : "refuses its upload, and what to do is told", async () => {
    const setting = await setUp({ profile, apps: [CSV_ONLY] });
    const body = Readable.from([Buffer.from(CSV)]);
    const upload = await setting.dify.uploadFile({ ...FILE, user: USER, body }, setting.signal);
    const inputs = (await prepareTable(setting)).fill({ uploadId: upload.id });
    const driven = driveRun(setting.dify, { user: USER, inputs }, setting.signal).catch((error: unknown) => error);
    const wanted = takesUploads
      ? { ending: { do: "finish", detail: { status: "succeeded" } } }
      : { code: "dify_input_invalid", nextAction: expect.stringMatching(/kind.*send: url/) };
    const told = Object(await driven);
    expect(takesUploads ? told : (told.ending?.error ?? told)).toMatchObject(wanted);
  });
});

test.each(["P2", "P3"] as const)("a run whose form nobody answered goes on, on %s", async (profile) => {
  const setting = await setUp({ profile });
  const { dify, signal } = setting;
  const run = { user: USER, inputs: await prepare(setting) };
  fault(setting, { kind: "pause", expiresMs: 200 });
  const paused = await driveRun(dify, run, signal);
  expect(paused.ending).toMatchObject({ do: "pause", formTokens: [expect.any(String)] });
  await expect
    .poll(async () => (await dify.readRun(paused.known.workflowRunId ?? "", signal))?.status)
    .toBe("succeeded");
  const { ending } = await driveRun(dify, run, signal, { known: paused.known });
  expect(ending).toMatchObject({ do: "finish", detail: { status: "succeeded" } });
});

test("a long name keeps its beginning and its extension", async () => {
  const { dify, emulator, signal } = await setUp();
  const name = `2026.01.15 minutes of ${"a long meeting ".repeat(14)}.Docx`;
  await dify.uploadFile({ user: USER, name, mimeType: "", body: Readable.from([Buffer.from("a")]) }, signal);
  const [upload] = emulator.books().uploads;
  expect(upload?.name).toBe(`${name.slice(0, 195)}.docx`);
});

describe("runs that leave no trace", () => {
  test("a run whose worker never came is submitted again, after patience, and no double is found", async () => {
    const setting = await setUp();
    const run = { user: USER, inputs: await prepare(setting) };
    fault(setting, { kind: "silence", ms: 10, run: "dead" });
    const { ending, steps } = await driveRun(setting.dify, run, setting.signal);
    expect(steps.filter((step) => step === "start")).toHaveLength(2);
    expect(ending).toMatchObject({ do: "finish", detail: { status: "succeeded" }, doubles: [] });
  });

  test("or left to a person, where that is the policy", async () => {
    const setting = await setUp();
    const run = { user: USER, inputs: await prepare(setting) };
    fault(setting, { kind: "silence", ms: 10, run: "dead" });
    const policy = { ...QUICK, whenAbsent: "ask" } as const;
    const { ending } = await driveRun(setting.dify, run, setting.signal, { policy });
    expect(ending).toMatchObject({ do: "lost", why: "no_trace" });
  });

  test("a run whose worker died stays running for ever, and is given up", async () => {
    const setting = await setUp();
    const run = { user: USER, inputs: await prepare(setting) };
    fault(setting, { kind: "lost_after_start", ms: 10 });
    const policy = { ...QUICK, giveUpAfterMs: 1_500 };
    const silent = { silence: { beforeWorkMs: 200, atWorkMs: 200 } };
    const quick = await setUpSame(setting, silent);
    const { ending } = await driveRun(quick, run, setting.signal, { policy });
    expect(ending).toMatchObject({ do: "lost", why: "no_end" });
  });
});

/** Another client of the same emulator. */
async function setUpSame({ emulator }: Setting, part: Partial<DifyDeps>): Promise<DifyClient> {
  const transport = openTransport();
  closers.push(transport.close);
  return createDify({
    send: transport.send,
    baseUrl: emulator.apiUrl,
    apiKey: DEFAULT_APP_KEY,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    ...part,
  });
}

describe("the server and the app", () => {
  test("tell version, mode, inputs and limits", async () => {
    const { dify, signal } = await setUp({ uploadLimits: { other: 3 * 1024 * 1024 } });
    expect(await dify.readVersion(signal)).toMatch(/^1\.\d+\.\d+$/);
    expect(await dify.readInfo(signal)).toMatchObject({ mode: "workflow" });
    const { inputs, uploadLimits } = await dify.readParameters(signal);
    expect(inputs.map(({ variable, type }) => ({ variable, type }))).toEqual([
      { variable: "document", type: "file" },
      { variable: "title", type: "text-input" },
    ]);
    expect(uploadLimits).toMatchObject({ image: 10 * 1024 * 1024, other: 3 * 1024 * 1024 });
  });

  test.each(["P1", "P2", "P3"] as const)("%s is known by its version, with and without the header", async (profile) => {
    const setting = await setUp({ profile });
    const transport = openTransport();
    closers.push(transport.close);
    const bare: DifyDeps["send"] = async (request, given) => {
      const answer = await transport.send(request, given);
      const { "x-version": _hidden, ...headers } = answer.headers;
      return { ...answer, headers };
    };
    const version = { P1: "1.12.1", P2: "1.14.2", P3: "1.17.0" }[profile];
    for (const send of [transport.send, bare]) {
      const dify = await setUpSame(setting, { send });
      expect(await dify.readVersion(setting.signal)).toBe(version);
    }
  });

  test("tell the app's tools, and whom Dify knows a user as", async () => {
    const setting = await setUp();
    const { dify, emulator, signal } = setting;
    expect(await dify.readMeta(signal)).toEqual({ toolIcons: {} });
    await collect(dify.startRun({ user: USER, inputs: await prepare(setting) }, signal));
    const logs = await fetch(`${emulator.apiUrl}/workflows/logs`, {
      headers: { authorization: `Bearer ${DEFAULT_APP_KEY}` },
    });
    const id: string = JSON.parse(await logs.text()).data[0].created_by_end_user.id;
    expect(await dify.readEndUser(id, signal)).toEqual({ id, user: USER, isAnonymous: false });
    expect(await dify.readEndUser(crypto.randomUUID(), signal)).toBeUndefined();
  });

  test("a workflow that begins with a trigger is told as that", async () => {
    const app: AppConfig = { key: DEFAULT_APP_KEY, inputs: [], entry: "trigger" };
    const { dify, signal } = await setUp({ profile: "P3", apps: [app] });
    const { error } = await collect(dify.startRun({ user: USER, inputs: {} }, signal));
    expect(error).toMatchObject({
      code: "dify_not_workflow",
      status: 403,
      nextAction: expect.stringContaining("begins with a Start node"),
    });
  });

  test("a given version of the workflow is run; one that is not there, a draft and no id are told, and start nothing", async () => {
    const setting = await setUp();
    const { dify, signal } = setting;
    const run = { user: USER, inputs: await prepare(setting) };
    const newest = await collect(dify.startRun(run, signal));
    const first = newest.events.find((event) => event.kind === "handles");
    const { workflowId } = (await dify.readRun(first?.workflowRunId ?? "", signal)) ?? {};
    expect(workflowId).toMatch(/^[0-9a-f-]{36}$/);
    const same = await collect(dify.startRun({ ...run, workflowId }, signal));
    expect(same.events.at(-1)).toMatchObject({ kind: "finished", status: "succeeded" });
    expect(setting.emulator.books().requests).toMatchObject({ run: 1, run_by_id: 1 });
    for (const [unfit, code] of [
      [crypto.randomUUID(), "not_found"],
      ["../run", "invalid_request"],
    ] as const) {
      const { error } = await collect(dify.startRun({ ...run, workflowId: unfit }, signal));
      expect(error).toMatchObject({ code, failure: "permanent" });
      expect(wasSurelyNotStarted(error)).toBe(true);
    }
    expect(runsOf(setting)).toBe(2);
  });

  test.each<{ what: string; options: DifyEmulatorOptions; apiKey?: string; code: string }>([
    { what: "a wrong key", options: {}, apiKey: "app-wrong", code: "unauthorized" },
    {
      what: "a disabled API",
      options: { apps: [{ key: DEFAULT_APP_KEY, inputs: [], apiEnabled: false }] },
      code: "forbidden",
    },
    {
      what: "an unpublished workflow",
      options: { apps: [{ key: DEFAULT_APP_KEY, inputs: [], published: false }] },
      code: "dify_unpublished",
    },
    {
      what: "a chat app",
      options: { apps: [{ key: DEFAULT_APP_KEY, inputs: [], mode: "chat" }] },
      code: "dify_not_workflow",
    },
  ])("$what is a matter of set-up", async ({ options, apiKey = DEFAULT_APP_KEY, code }) => {
    const { dify, signal } = await setUp(options, { apiKey });
    const { error } = await collect(dify.startRun({ user: USER, inputs: {} }, signal));
    expect(error).toMatchObject({ code, failure: "misconfigured" });
    expect(wasSurelyNotStarted(error)).toBe(true);
  });

  test("a server without the events endpoint says it is unsupported", async () => {
    const setting = await setUp({ profile: "P1" });
    const { error } = await collect(setting.dify.followRun({ workflowRunId: "x", user: USER }, setting.signal));
    expect(error).toMatchObject({ code: "unsupported_here" });
  });

  test("a run of another user cannot be followed, an unknown one has no record", async () => {
    const setting = await setUp();
    const { dify, signal } = setting;
    const { events } = await collect(dify.startRun({ user: USER, inputs: await prepare(setting) }, signal));
    const handles = events.find((event) => event.kind === "handles");
    const workflowRunId = handles?.workflowRunId ?? "";
    expect((await collect(dify.followRun({ workflowRunId, user: "relay-2" }, signal))).error).toMatchObject({
      code: "not_found",
    });
    const own = await collect(dify.followRun({ workflowRunId, user: USER }, signal));
    expect(own.events).toEqual([
      { kind: "handles", workflowRunId },
      expect.objectContaining({ kind: "finished", status: "succeeded" }),
    ]);
    expect(await dify.readRun(crypto.randomUUID(), signal)).toBeUndefined();
  });
});

describe("files", () => {
  test("too large an upload is refused for good", async () => {
    const { dify, signal } = await setUp();
    const body = Readable.from([Buffer.alloc(11 * 1024 * 1024)]);
    await expect(
      dify.uploadFile({ user: USER, name: "big.png", mimeType: "image/png", body }, signal),
    ).rejects.toMatchObject({ code: "dify_file_refused", failure: "permanent" });
    expect(body.destroyed).toBe(true);
  });

  test.each([
    ["Q3: what now? *final*.Txt", "Q3_ what now_ _final_.txt"],
    ['a/b\\c "d" <e|f>.md', "a_b_c _d_ _e_f_.md"],
    ["plain – ünïcode 漢字.txt", "plain – ünïcode 漢字.txt"],
  ])("a file called %s goes up under a name that Dify takes", async (name, taken) => {
    const { dify, signal, emulator } = await setUp();
    await dify.uploadFile(
      { user: USER, name, mimeType: "text/plain", body: Readable.from([Buffer.from("x")]) },
      signal,
    );
    expect(emulator.books().uploads).toMatchObject([{ name: taken }]);
  });

  test("an upload of another user is no input", async () => {
    const setting = await setUp({ profile: "P1" });
    const inputs = await prepare(setting, "relay-2");
    const { error } = await collect(setting.dify.startRun({ user: USER, inputs }, setting.signal));
    expect(error).toMatchObject({ code: "dify_input_invalid" });
  });

  test("a link is good for 300 s of Dify's time, relative or not, and expired for good then", async () => {
    const setting = await setUp({ filesUrl: "relative", timeScale: 1_000 });
    const { dify, signal } = setting;
    const { events } = await collect(dify.startRun({ user: USER, inputs: await prepare(setting) }, signal));
    const end = events.at(-1);
    if (end?.kind !== "finished") throw new Error("not finished");
    const [file] = splitOutputs(end.outputs).files;
    if (file === undefined) throw new Error("no output file");
    expect(file.url).toMatch(/^\/files\//);
    await expect
      .poll(async () => {
        try {
          (await dify.openOutput(file, signal)).body.destroy();
          return "open";
        } catch (error) {
          return error instanceof Error && "code" in error ? error.code : error;
        }
      }, SOON)
      .toBe("output_expired");
  });
});
