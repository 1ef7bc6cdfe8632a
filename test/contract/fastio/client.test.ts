import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import {
  type FastioEmulator,
  type FastioEmulatorOptions,
  startFastioEmulator,
} from "../../../src/emulators/fastio/start.ts";
import { createFastio } from "../../../src/fastio/client/create-fastio.ts";
import { sameOpaqueId } from "../../../src/fastio/opaque-id.ts";
import type { Fastio, FastioNode } from "../../../src/fastio/types.ts";
import { withTimeouts } from "../../../src/http/timeouts.ts";
import type { Transport } from "../../../src/http/transport.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { openTransport } from "../../support/open-transport.ts";

const signal = new AbortController().signal;
const MIB = 1024 * 1024;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const streamOf = (bytes: Buffer): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / 50_000) }, (_, at) => bytes.subarray(at * 50_000, (at + 1) * 50_000)),
  );

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

const clientFor = (transport: Transport, emulator: FastioEmulator, dialect: "auto" | "reference" | "guide"): Fastio =>
  createFastio({
    send: withTimeouts(transport.send, { headersTimeoutMs: 10_000, bodyTimeoutMs: 10_000 }),
    baseUrl: emulator.apiUrl,
    apiKey: FASTIO_EMULATOR_DEFAULTS.relayKey,
    dialect,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  });

/** What the relay relies on, whichever dialect and spelling the server has. */
const SERVERS: readonly { what: string; server: FastioEmulatorOptions; dialect: "auto" | "reference" | "guide" }[] = [
  { what: "a reference server found out", server: { dialects: "reference" }, dialect: "auto" },
  { what: "a guide server found out", server: { dialects: "guide", errorCodes: "string" }, dialect: "auto" },
  { what: "both, asked in reference", server: { envelope: "E3", listStyle: "array" }, dialect: "reference" },
  { what: "both, asked in guide", server: { envelope: "E2", validationStatus: 406 }, dialect: "guide" },
  { what: "small answers that come late", server: { singleCallAsync: true, uploadDelayMs: 60 }, dialect: "auto" },
];

describe.each(SERVERS)("Fast.io client on $what", ({ server, dialect }) => {
  let emulator: FastioEmulator;
  let transport: Transport;
  let fastio: Fastio;
  let folder: FastioNode;

  beforeAll(async () => {
    emulator = await startFastioEmulator({ ...server, seed: "contract" });
    transport = openTransport();
    fastio = clientFor(transport, emulator, dialect);
    folder = await fastio.createFolder({ workspaceId: emulator.workspaceId, parentId: "root" }, "project", signal);
  });

  afterAll(async () => {
    await transport.close();
    await emulator.close();
  });

  const here = () => ({ workspaceId: emulator.workspaceId, parentId: folder.id });
  const unplaced = (name: string, bytes: Buffer, size: number | undefined = bytes.length) =>
    fastio.uploadUnplaced(
      { workspaceId: emulator.workspaceId, name, body: streamOf(bytes), ...(size === undefined ? {} : { size }) },
      signal,
    );

  test("tells who we are", async () => {
    expect(await fastio.whoami(signal)).toEqual({ userId: FASTIO_EMULATOR_DEFAULTS.relayUserId });
  });

  test("finds workspaces, and that there is none", async () => {
    const known = { id: emulator.workspaceId, name: FASTIO_EMULATOR_DEFAULTS.workspaceName };
    expect(await fastio.readWorkspace(emulator.workspaceId, signal)).toMatchObject(known);
    expect(await fastio.listWorkspaces(signal)).toContainEqual(expect.objectContaining(known));
    expect(await fastio.readWorkspace("1999999999999999999", signal)).toBeUndefined();
  });

  test("gives the same folder for the same name", async () => {
    const again = await fastio.createFolder({ workspaceId: emulator.workspaceId, parentId: "root" }, "project", signal);
    expect(sameOpaqueId(again.id, folder.id)).toBe(true);
  });

  test("reads a node and its bytes", async () => {
    const bytes = randomBytes(300_000);
    const dropped = await emulator.dropFile({ name: "brief.pdf", content: bytes, folder: "Inbox/new" });
    const node = await fastio.readNode(emulator.workspaceId, dropped.nodeId, signal);
    expect(node).toMatchObject({
      kind: "file",
      name: "brief.pdf",
      size: 300_000,
      mimeType: "application/pdf",
      hash: { algorithm: "sha256", value: sha256(bytes) },
      deleted: false,
    });
    const file = { place: emulator.workspaceId, nodeId: node.id, versionId: dropped.versionId };
    const download = await fastio.openDownload(file, signal);
    expect(download.size).toBe(300_000);
    expect(sha256(await buffer(download.body))).toBe(sha256(bytes));
  });

  test("calls a node that is not there gone", async () => {
    const missing = "2aaaa-aaaaa-aaaaa-aaaaa-aaaaa-aaaa";
    await expect(fastio.readNode(emulator.workspaceId, missing, signal)).rejects.toMatchObject({ failure: "gone" });
    const file = { place: emulator.workspaceId, nodeId: missing };
    await expect(fastio.openDownload(file, signal)).rejects.toMatchObject({ failure: "gone" });
  });

  test.each([0, 1, 4 * MIB, 4 * MIB + 1, 9 * MIB + 7])("uploads %d bytes first and places them later", async (size) => {
    const bytes = randomBytes(size);
    const name = `later-${size}.bin`;
    const uploaded = await unplaced(name, bytes);
    expect(uploaded).toMatchObject({ size, sha256: sha256(bytes) });
    const node = await fastio.placeUpload(here(), name, uploaded, signal);
    expect(node).toMatchObject({ kind: "file", name, size });
    expect(emulator.books().files.find((file) => file.name === name)).toMatchObject({
      size,
      sha256: sha256(bytes),
      path: `/project/${name}`,
    });
    expect(await fastio.readUpload(uploaded.uploadId, signal)).toMatchObject({ phase: "done" });
  });

  test("placing the same upload again makes no second file", async () => {
    const { uploadId } = await unplaced("twice.txt", Buffer.from("twice"));
    const first = await fastio.placeUpload(here(), "twice.txt", { uploadId }, signal);
    const second = await fastio.placeUpload(here(), "twice.txt", { uploadId }, signal);
    expect(sameOpaqueId(first.id, second.id)).toBe(true);
    expect(emulator.books().files.filter((file) => file.name === "twice.txt")).toHaveLength(1);
  });

  test("takes small content of unknown size", async () => {
    const bytes = Buffer.from("who knows");
    const uploaded = await unplaced("unknown.txt", bytes, undefined);
    await fastio.placeUpload(here(), "unknown.txt", uploaded, signal);
    expect(emulator.books().files.find((file) => file.name === "unknown.txt")?.sha256).toBe(sha256(bytes));
  });

  test.each([0, 17, 3_999_999, 4 * MIB, 10 * MIB + 3])("uploads %d bytes straight to their place", async (size) => {
    const bytes = randomBytes(size);
    const name = `straight "${size}" ü.bin`.replaceAll('"', "'");
    const content = { name, size, mimeType: "application/x-test", body: () => streamOf(bytes) };
    const { id } = await fastio.upload(here(), content, signal);
    const node = await fastio.readNode(here().workspaceId, id, signal);
    expect(node).toMatchObject({ name, size, hash: { value: sha256(bytes) } });
    expect(sameOpaqueId(node.parentId, folder.id)).toBe(true);
  });

  test("a second upload of a name becomes a new version of the same file", async () => {
    const send = async (text: string) => {
      const content = { name: "v.txt", size: text.length, body: () => streamOf(Buffer.from(text)) };
      const { id } = await fastio.upload(here(), content, signal);
      return fastio.readNode(here().workspaceId, id, signal);
    };
    const first = await send("one");
    const second = await send("three");
    expect(sameOpaqueId(first.id, second.id)).toBe(true);
    expect(second.versionId).not.toBe(first.versionId);
  });

  test("gives no session back that it does not know", async () => {
    expect(await fastio.readUpload("5aaaa-aaaaa-aaaaa-aaaaa-aaaaa-aaaa", signal)).toBeUndefined();
  });

  test("lists every node of a folder", async () => {
    const parent = await fastio.createFolder({ workspaceId: emulator.workspaceId, parentId: "root" }, "many", signal);
    for (const name of ["a.txt", "b.txt", "c.txt"]) await emulator.dropFile({ name, content: name, folder: "many" });
    const nodes = await all(fastio.listFolder(emulator.workspaceId, parent.id, signal));
    expect(nodes.map((node) => node.name).sort()).toEqual(["a.txt", "b.txt", "c.txt"]);
  });

  test("shares a folder once, however often it is asked", async () => {
    const shown = await fastio.createFolder(here(), "shown", signal);
    const wish = {
      workspaceId: emulator.workspaceId,
      title: "Summary of brief.pdf",
      customName: "relay-run-0001",
      type: "send",
      folderNodeId: shown.id,
      access: "named",
      description: "What the workflow made of it.",
    } as const;
    expect(await fastio.findShare(wish.customName, signal)).toBeUndefined();
    const made = await fastio.createShare(wish, signal);
    const again = await fastio.createShare(wish, signal);
    expect(again.id).toBe(made.id);
    expect(made).toMatchObject({ title: wish.title, customName: wish.customName });
    expect(made.url).toMatch(/^https?:\/\/.*relay-run-0001/);
    expect(await fastio.findShare(wish.customName, signal)).toMatchObject({ id: made.id, url: made.url });
    const listed = await all(fastio.listShares(emulator.workspaceId, signal));
    expect(listed.filter((share) => share.customName === wish.customName)).toHaveLength(1);
    const told = emulator.books().shares.find((share) => share.customName === wish.customName);
    expect(sameOpaqueId(told?.folderNodeId ?? "", shown.id)).toBe(true);
  });

  test.each(["named", "org", "link"] as const)("opens a share to %s in words the server takes", async (access) => {
    const shown = await fastio.createFolder(here(), `for-${access}`, signal);
    const customName = `relay-access-${access}`;
    const wish = { workspaceId: emulator.workspaceId, title: access, customName, type: "send", access } as const;
    expect(await fastio.createShare({ ...wish, folderNodeId: shown.id }, signal)).toMatchObject({ customName });
  });

  test("a folder that backs another share is a conflict", async () => {
    const shown = await fastio.createFolder(here(), "taken", signal);
    const wish = { workspaceId: emulator.workspaceId, title: "Taken", type: "send", access: "named" } as const;
    await fastio.createShare({ ...wish, customName: "relay-taken-1", folderNodeId: shown.id }, signal);
    const second = fastio.createShare({ ...wish, customName: "relay-taken-2", folderNodeId: shown.id }, signal);
    await expect(second).rejects.toMatchObject({ code: "conflict", failure: "permanent" });
  });

  test("invites a guest once", async () => {
    const shown = await fastio.createFolder(here(), "guests", signal);
    const wish = { workspaceId: emulator.workspaceId, title: "Guests", type: "send", access: "named" } as const;
    const share = await fastio.createShare({ ...wish, customName: "relay-guests", folderNodeId: shown.id }, signal);
    const guest = { email: "legal+team@example.com", message: "Your summary is ready." };
    await fastio.invite(share.id, guest, signal);
    await fastio.invite(share.id, guest, signal);
    expect(await fastio.listGuests(share.id, signal)).toContainEqual({ email: guest.email });
    const sent = emulator.books().invitations.filter((one) => one.email === guest.email);
    expect(sent).toEqual([expect.objectContaining({ message: guest.message, permissions: "view" })]);
  });

  test("a wrong key is a matter of configuration", async () => {
    const stranger = createFastio({
      send: transport.send,
      baseUrl: emulator.apiUrl,
      apiKey: "revoked",
      dialect,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
    });
    await expect(stranger.whoami(signal)).rejects.toMatchObject({ code: "unauthorized", failure: "misconfigured" });
  });
});
