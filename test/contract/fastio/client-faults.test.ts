import { createHash, randomBytes } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { type FastioEmulator, startFastioEmulator } from "../../../src/emulators/fastio/start.ts";
import { createFastio } from "../../../src/fastio/client/create-fastio.ts";
import type { Fastio } from "../../../src/fastio/types.ts";
import { withTimeouts } from "../../../src/http/timeouts.ts";
import { createTransport, type Transport } from "../../../src/http/transport.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";

const signal = new AbortController().signal;
const MIB = 1024 * 1024;
let emulator: FastioEmulator;
let transport: Transport;
let fastio: Fastio;

beforeEach(async () => {
  emulator = await startFastioEmulator({ dialects: "reference" });
  transport = createTransport();
  fastio = createFastio({
    send: withTimeouts(transport.send, { headersTimeoutMs: 5_000, bodyTimeoutMs: 5_000 }),
    baseUrl: emulator.apiUrl,
    apiKey: FASTIO_EMULATOR_DEFAULTS.relayKey,
    dialect: "auto",
    clock: systemClock,
    random: () => 0,
    log: silentLog,
  });
});

afterEach(async () => {
  await transport.close();
  await emulator.close();
});

const bytes = randomBytes(9 * MIB);
const hash = createHash("sha256").update(bytes).digest("hex");
const content = () => ({
  workspaceId: emulator.workspaceId,
  name: "out.bin",
  size: bytes.length,
  body: Readable.from([bytes.subarray(0, 3 * MIB), bytes.subarray(3 * MIB)]),
});
const root = () => ({ workspaceId: emulator.workspaceId, parentId: "root" });

describe("an upload comes whole through", () => {
  test.each([
    { what: "a chunk refused with 503", path: "/chunk/", action: { kind: "status", status: 503 } },
    { what: "a chunk lost on its way", path: "order=2", action: { kind: "drop", when: "before" } },
    { what: "a chunk whose answer is lost", path: "order=2", action: { kind: "drop", when: "after" } },
    {
      what: "a rate limit in the midst",
      path: "order=3",
      action: { kind: "status", status: 429, headers: { "x-ve-limit-expires": "1" } },
    },
    { what: "a completion whose answer is lost", path: "/complete/", action: { kind: "drop", when: "after" } },
    { what: "a look at the session that fails", path: "/details/", action: { kind: "status", status: 502 } },
  ] as const)("$what", async ({ path, action }) => {
    emulator.addFault({ match: { path }, action });
    const uploaded = await fastio.uploadUnplaced(content(), signal);
    expect(uploaded.sha256).toBe(hash);
    await fastio.placeUpload(root(), "out.bin", uploaded.uploadId, signal);
    expect(emulator.books().files.map((file) => file.sha256)).toEqual([hash]);
  });
});

test("a session that cannot be finished is given back", async () => {
  emulator.addFault({
    match: { path: "/chunk/" },
    times: 0,
    action: { kind: "status", status: 400, body: { result: false } },
  });
  await expect(fastio.uploadUnplaced(content(), signal)).rejects.toMatchObject({ code: "invalid_request" });
  expect(emulator.books().uploads).toEqual([]);
});

test("an aborted upload lets go of its source and its session", async () => {
  const abort = new AbortController();
  const source = new PassThrough();
  source.write(Buffer.alloc(5 * MIB));
  const sending = fastio.uploadUnplaced({ ...content(), body: source }, abort.signal);
  await vi.waitFor(() => expect(emulator.books().uploads).toMatchObject([{ status: "uploading" }]), SOON);
  abort.abort(new Error("shutdown"));
  source.write(Buffer.alloc(4 * MIB));
  await expect(sending).rejects.toThrow("shutdown");
  expect(source.destroyed).toBe(true);
  expect(emulator.books().uploads).toEqual([]);
});

test("large content of unknown size passes as a stream", async () => {
  const { size: _size, ...unknown } = content();
  const uploaded = await fastio.uploadUnplaced(unknown, signal);
  expect(uploaded).toMatchObject({ size: bytes.length, sha256: hash });
  await fastio.placeUpload(root(), "out.bin", uploaded.uploadId, signal);
  expect(emulator.books().files.map((file) => file.sha256)).toEqual([hash]);
});

test("an empty upload can be placed", async () => {
  const empty = { ...content(), size: 0, body: Readable.from([]) };
  const { uploadId } = await fastio.uploadUnplaced(empty, signal);
  expect(await fastio.placeUpload(root(), "empty.txt", uploadId, signal)).toMatchObject({ size: 0 });
});

test("a download cut short goes on where it broke", async () => {
  const { nodeId } = await emulator.dropFile({ name: "big.bin", content: bytes });
  emulator.addFault({ match: { path: "read/?token" }, times: 2, action: { kind: "truncate", bytes: 100_000 } });
  const file = { workspaceId: emulator.workspaceId, nodeId };
  const download = await fastio.openDownload({ ...file, sha256: hash }, signal);
  expect(
    createHash("sha256")
      .update(await buffer(download.body))
      .digest("hex"),
  ).toBe(hash);
});

test("a download that breaks without end fails instead of ending early", async () => {
  const { nodeId } = await emulator.dropFile({ name: "big.bin", content: bytes });
  emulator.addFault({ match: { path: "read/?token" }, times: 1, action: { kind: "truncate", bytes: 100_000 } });
  emulator.addFault({ match: { path: "read/?token" }, times: 0, action: { kind: "truncate", bytes: 0 } });
  const download = await fastio.openDownload({ workspaceId: emulator.workspaceId, nodeId }, signal);
  await expect(buffer(download.body)).rejects.toMatchObject({ retryable: true });
});

test("a share whose answer was lost is found, not made again", async () => {
  const folder = await fastio.createFolder(root(), "out", signal);
  const wish = {
    ...root(),
    title: "Summary",
    customName: "relay-run-0002",
    type: "send",
    folderNodeId: folder.id,
    access: "named",
  } as const;
  emulator.addFault({ match: { path: "/create/share/" }, action: { kind: "drop", when: "after" } });
  await expect(fastio.createShare(wish, signal)).rejects.toMatchObject({ code: "connection_lost" });
  expect(await fastio.createShare(wish, signal)).toMatchObject({ customName: wish.customName });
  expect(emulator.books().shares).toHaveLength(1);
});

test("a plan that ran out is told apart from a wrong key", async () => {
  const action = { kind: "status", status: 402, body: { result: false, error: { code: 1696 } } } as const;
  emulator.addFault({ match: { path: "/upload/" }, action });
  await expect(fastio.uploadUnplaced(content(), signal)).rejects.toMatchObject({
    code: "plan_required",
    failure: "misconfigured",
  });
});

test("an exhausted rate limit says how long", async () => {
  await emulator.close();
  emulator = await startFastioEmulator({ rateLimit: 1, rateWindowMs: 30_000 });
  fastio = createFastio({
    send: transport.send,
    baseUrl: emulator.apiUrl,
    apiKey: FASTIO_EMULATOR_DEFAULTS.relayKey,
    dialect: "reference",
    clock: systemClock,
    random: () => 0,
    log: silentLog,
  });
  await fastio.whoami(signal);
  const failure: unknown = await fastio.whoami(signal).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "rate_limited", failure: "throttled", retryAfterMs: expect.any(Number) });
});

test("a webhook is registered with its secret", async () => {
  const guide = await startFastioEmulator({ dialects: "guide", hookHosts: ["relay.example"] });
  const client = createFastio({
    send: transport.send,
    baseUrl: guide.apiUrl,
    apiKey: FASTIO_EMULATOR_DEFAULTS.relayKey,
    dialect: "auto",
    clock: systemClock,
    random: () => 0,
    log: silentLog,
  });
  const hook = { workspaceId: guide.workspaceId, url: "http://127.0.0.1:9/webhooks/fastio", events: ["file.created"] };
  const registered = await client.registerWebhook(hook, signal);
  expect(registered).toMatchObject({ id: expect.any(String), secret: expect.any(String) });
  expect(guide.books().webhooks).toMatchObject([{ id: registered.id, url: hook.url }]);
  await guide.close();
});
