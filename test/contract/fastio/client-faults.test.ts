import { createHash, randomBytes } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { type FastioEmulator, startFastioEmulator } from "../../../src/emulators/fastio/start.ts";
import type { FaultRequest } from "../../../src/emulators/kit/faults.ts";
import { createFastio } from "../../../src/fastio/client/create-fastio.ts";
import type { Fastio } from "../../../src/fastio/types.ts";
import { withTimeouts } from "../../../src/http/timeouts.ts";
import type { Transport } from "../../../src/http/transport.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { openTransport } from "../../support/open-transport.ts";
import { SOON } from "../../support/soon.ts";
import { DIALECTS } from "./client-on.ts";

const signal = new AbortController().signal;
const MIB = 1024 * 1024;
let emulator: FastioEmulator;
let transport: Transport;
let fastio: Fastio;

async function open(dialects: (typeof DIALECTS)[number]): Promise<void> {
  emulator = await startFastioEmulator({ dialects, uploadDelayMs: 60 });
  transport = openTransport();
  fastio = createFastio({
    send: withTimeouts(transport.send, { headersTimeoutMs: 60_000, bodyTimeoutMs: 60_000 }),
    baseUrl: emulator.apiUrl,
    apiKey: FASTIO_EMULATOR_DEFAULTS.relayKey,
    dialect: "auto",
    clock: systemClock,
    random: () => 0,
    log: silentLog,
  });
}

async function close(): Promise<void> {
  await transport.close();
  await emulator.close();
}

beforeEach(() => open("reference"));
afterEach(close);

const bytes = randomBytes(9 * MIB);
const hash = createHash("sha256").update(bytes).digest("hex");
const content = () => ({
  workspaceId: emulator.workspaceId,
  name: "out.bin",
  size: bytes.length,
  body: Readable.from([bytes.subarray(0, 3 * MIB), bytes.subarray(3 * MIB)]),
});
const root = () => ({ workspaceId: emulator.workspaceId, parentId: "root" });

/** The second chunk and the last one, in each dialect's counting. */
const CHUNK = { reference: { second: "order=2", last: "order=3" }, guide: { second: "/chunk/1/", last: "/chunk/2/" } };

describe.each(DIALECTS)("an upload on a %s server", (dialects) => {
  beforeEach(async () => {
    await close();
    await open(dialects);
  });
  const { second, last } = CHUNK[dialects];

  const faults: readonly { what: string; path: string; action: FaultRequest["action"] }[] = [
    { what: "a chunk refused with 503", path: "/chunk/", action: { kind: "status", status: 503 } },
    { what: "a chunk lost on its way", path: second, action: { kind: "drop", when: "before" } },
    { what: "a chunk whose answer is lost", path: second, action: { kind: "drop", when: "after" } },
    {
      what: "a rate limit in the midst",
      path: last,
      action: { kind: "status", status: 429, headers: { "x-ve-limit-expires": "1" } },
    },
    { what: "a look at the session that fails", path: "/details/", action: { kind: "status", status: 502 } },
    // The guide has no such step.
    ...(dialects === "guide"
      ? []
      : [
          {
            what: "a completion whose answer is lost",
            path: "/complete/",
            action: { kind: "drop", when: "after" },
          } as const,
        ]),
  ];
  test.each(faults)("comes whole through $what", async ({ path, action }) => {
    emulator.addFault({ match: { path }, action });
    const uploaded = await fastio.uploadUnplaced(content(), signal);
    expect(uploaded.sha256).toBe(hash);
    await fastio.placeUpload(root(), "out.bin", uploaded, signal);
    expect(emulator.books().files.map((file) => file.sha256)).toEqual([hash]);
    const told = (await (await fetch(`${emulator.url}/__faults`)).json()) as { faults: { fired: number }[] };
    expect(told.faults).toMatchObject([{ fired: 1 }]);
  });

  test("that cannot be finished gives its session back", async () => {
    emulator.addFault({
      match: { path: "/chunk/" },
      times: 0,
      action: { kind: "status", status: 400, body: { result: false } },
    });
    await expect(fastio.uploadUnplaced(content(), signal)).rejects.toMatchObject({ code: "invalid_request" });
    expect(emulator.books().uploads).toEqual([]);
  });

  test("whose session somebody ends meanwhile may be tried again", async () => {
    const gone = { result: false, error: { code: 1609, text: "The upload was not found." } };
    emulator.addFault({ match: { path: last }, action: { kind: "status", status: 404, body: gone } });
    await expect(fastio.uploadUnplaced(content(), signal)).rejects.toMatchObject({
      code: "upload_failed",
      retryable: true,
    });
    await expect(fastio.uploadUnplaced(content(), signal)).resolves.toMatchObject({ sha256: hash });
  });

  test.each([
    { what: "more", bytes: bytes.length - 1 },
    { what: "fewer", bytes: bytes.length + 1 },
  ])("of $what bytes than announced fails and gives its session back", async ({ bytes: size }) => {
    const uploading = fastio.uploadUnplaced({ ...content(), size }, signal);
    await expect(uploading).rejects.toMatchObject({ code: "download_changed" });
    expect(emulator.books()).toMatchObject({ uploads: [], files: [] });
  });

  test("that is aborted lets go of its source and its session", async () => {
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
});

test("large content of unknown size passes as a stream", async () => {
  const { size: _size, ...unknown } = content();
  const uploaded = await fastio.uploadUnplaced(unknown, signal);
  expect(uploaded).toMatchObject({ size: bytes.length, sha256: hash });
  await fastio.placeUpload(root(), "out.bin", uploaded, signal);
  expect(emulator.books().files.map((file) => file.sha256)).toEqual([hash]);
});

test("an empty upload can be placed", async () => {
  const empty = { ...content(), size: 0, body: Readable.from([]) };
  const { uploadId } = await fastio.uploadUnplaced(empty, signal);
  expect(await fastio.placeUpload(root(), "empty.txt", { uploadId }, signal)).toMatchObject({ size: 0 });
});

test("a download cut short goes on where it broke", async () => {
  const { nodeId } = await emulator.dropFile({ name: "big.bin", content: bytes });
  emulator.addFault({ match: { path: "read/?token" }, times: 2, action: { kind: "truncate", bytes: 100_000 } });
  const file = { place: emulator.workspaceId, nodeId };
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
  const download = await fastio.openDownload({ place: emulator.workspaceId, nodeId }, signal);
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
