import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sameOpaqueId } from "../../../src/fastio/opaque-id.ts";
import type { UploadProgress } from "../../../src/fastio/types.ts";
import { openTransport } from "../../support/open-transport.ts";
import { type ClientOnEmulator, clientOn, DIALECTS, sha256, streamOf } from "./client-on.ts";

const signal = new AbortController().signal;
const MIB = 1024 * 1024;
const bytes = randomBytes(18 * MIB + 5);

describe.each(DIALECTS)("on a %s server", (dialects) => {
  let on: ClientOnEmulator;
  let root: { readonly workspaceId: string; readonly parentId: string };

  beforeAll(async () => {
    on = await clientOn({ dialects });
    root = { workspaceId: on.emulator.workspaceId, parentId: "root" };
  });
  beforeEach(() => {
    on.lines.length = 0;
  });
  afterAll(() => on.close());

  const chunksSent = (): number =>
    on.lines.filter((line) => line.includes("/chunk/") && !line.startsWith("GET")).length;
  /** Opens ranges, and notes which. */
  const reopenable = (content: Buffer, opened: [number, number][] = []) => ({
    size: content.length,
    open: (from: number, to: number) => {
      opened.push([from, to]);
      return streamOf(content.subarray(from, to));
    },
  });

  test("a large file goes in chunks, and tells how far it is", async () => {
    const told: UploadProgress[] = [];
    const content = {
      name: "large.bin",
      size: bytes.length,
      sha256: sha256(bytes),
      body: () => streamOf(bytes),
      onProgress: (progress: UploadProgress) => told.push(progress),
    };
    const { id } = await on.fastio.upload(root, content, signal);
    const node = await on.fastio.readNode(root.workspaceId, id, signal);
    expect(node).toMatchObject({ size: bytes.length, hash: { value: sha256(bytes) } });
    expect(told.map((one) => one.sentBytes)).toEqual(told.map((one) => one.sentBytes).toSorted((a, b) => a - b));
    expect(told.at(-1)).toEqual({ sentBytes: bytes.length, totalBytes: bytes.length });
  });

  test.each([20, 5 * MIB])("a file gets a new version of %d bytes and stays the same file", async (size) => {
    const { nodeId } = await on.emulator.dropFile({ name: `versioned-${size}.bin`, content: "first" });
    const later = randomBytes(size);
    const content = { name: `versioned-${size}.bin`, size, body: () => streamOf(later) };
    const node = await on.fastio.uploadVersion({ workspaceId: root.workspaceId, nodeId }, content, signal);
    expect(sameOpaqueId(node.id, nodeId)).toBe(true);
    expect(node).toMatchObject({ size, hash: { value: sha256(later) } });
    expect(await on.fastio.listVersions(root.workspaceId, nodeId, signal)).toHaveLength(2);
  });

  test("an upload that was killed goes on where it was, in another process", async () => {
    const wish = { ...root, target: root, name: "resumed.bin", size: bytes.length, sha256: sha256(bytes) };
    const { uploadId } = await on.fastio.openUpload(wish, signal);
    // Twice, the process dies after some chunks.
    for (const chunks of [2, 1]) {
      const kill = new AbortController();
      let seen = 0;
      const dying = on.again().fillUpload(
        uploadId,
        reopenable(bytes),
        {
          onProgress: () => {
            seen += 1;
            if (seen > chunks) kill.abort(new Error("killed"));
          },
        },
        kill.signal,
      );
      await expect(dying).rejects.toThrow("killed");
    }
    const told: UploadProgress[] = [];
    const opened: [number, number][] = [];
    const { sentBytes } = await on
      .again()
      .fillUpload(uploadId, reopenable(bytes, opened), { onProgress: (one) => told.push(one) }, signal);
    expect(told[0]?.sentBytes).toBeGreaterThanOrEqual(3 * 4 * MIB);
    expect((told[0]?.sentBytes ?? 0) + sentBytes).toBe(bytes.length);
    expect(opened.reduce((sum, [from, to]) => sum + to - from, 0)).toBe(sentBytes);
    await on.fastio.placeUpload(root, "resumed.bin", { uploadId }, signal);
    const file = on.emulator.books().files.find((one) => one.name === "resumed.bin");
    expect(file?.sha256).toBe(sha256(bytes));
    const again = await on.fastio.fillUpload(uploadId, reopenable(bytes), {}, signal);
    expect(again).toMatchObject({ sentBytes: 0, state: { phase: "done" } });
  });

  test("a chunk that fails is sent again", async () => {
    on.emulator.addFault({ match: { path: "/chunk/" }, times: 2, action: { kind: "status", status: 503 } });
    const { uploadId } = await on.fastio.openUpload({ ...root, name: "again.bin", size: 5 * MIB }, signal);
    const content = bytes.subarray(0, 5 * MIB);
    await on.fastio.fillUpload(uploadId, reopenable(content), {}, signal);
    const node = await on.fastio.placeUpload(root, "again.bin", { uploadId }, signal);
    expect(node).toMatchObject({ hash: { value: sha256(content) } });
  });

  test("many small files go together, and one that fails fails alone", async () => {
    const folder = await on.fastio.createFolder(root, "batch", signal);
    const target = { ...root, parentId: folder.id };
    const files = Array.from({ length: 12 }, (_, at) => ({
      name: at === 5 ? "no/such\u0000name" : `batch-${at} "ü".txt`.replaceAll('"', "'"),
      content: Buffer.from(`content ${at}`),
    }));
    const outcomes = await on.fastio.uploadMany(target, files, signal);
    expect(outcomes.map((one) => one.kind)).toEqual(files.map((_, at) => (at === 5 ? "failed" : "stored")));
    const stored = on.emulator.books().files.filter((file) => file.path.startsWith("/batch/"));
    expect(stored.map((file) => file.sha256).sort()).toEqual(
      files.flatMap((file, at) => (at === 5 ? [] : sha256(file.content))).sort(),
    );
  });

  test("content that is not as long as it was fails, and the session waits for what is", async () => {
    const { uploadId } = await on.fastio.openUpload({ ...root, name: "shrunk.bin", size: 5 * MIB }, signal);
    const shorter = { size: 5 * MIB, open: (from: number, to: number) => streamOf(bytes.subarray(from, to - 1)) };
    await expect(on.fastio.fillUpload(uploadId, shorter, {}, signal)).rejects.toMatchObject({ retryable: true });
    await on.fastio.fillUpload(uploadId, reopenable(bytes.subarray(0, 5 * MIB)), {}, signal);
    const node = await on.fastio.placeUpload(root, "shrunk.bin", { uploadId }, signal);
    expect(node).toMatchObject({ hash: { value: sha256(bytes.subarray(0, 5 * MIB)) } });
  });

  test("a session that is gone says so for good", async () => {
    const { uploadId } = await on.fastio.openUpload({ ...root, name: "gone.bin", size: 10 }, signal);
    await on.fastio.cancelUpload(uploadId, signal);
    await on.fastio.cancelUpload(uploadId, signal);
    const filling = on.fastio.fillUpload(uploadId, reopenable(bytes.subarray(0, 10)), {}, signal);
    await expect(filling).rejects.toMatchObject({ code: "upload_failed", failure: "permanent" });
  });

  test("a file over what the plan takes is not begun", async () => {
    const opening = on.fastio.openUpload({ ...root, name: "huge.bin", size: 5_000 * MIB }, signal);
    await expect(opening).rejects.toMatchObject({ code: "too_large" });
    expect(chunksSent()).toBe(0);
  });

  test("a file is fetched by its address", async () => {
    const source = createServer((_request, response) => response.end("from afar")).listen(0, "127.0.0.1");
    await new Promise((resolve) => source.once("listening", resolve));
    const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/afar.txt`;
    try {
      const begun = await on.fastio.importUrl({ url, target: root, name: "afar.txt" }, signal);
      const done = await on.fastio.waitForImport(begun.id, signal);
      expect(done.phase).toBe("done");
      expect(on.emulator.books().files.find((one) => one.name === "afar.txt")?.sha256).toBe(
        sha256(Buffer.from("from afar")),
      );
    } finally {
      source.close();
    }
  });

  test("an import that cannot be fetched fails plainly", async () => {
    const begun = await on.fastio.importUrl({ url: "http://127.0.0.1:9/nothing", target: root }, signal);
    await expect(on.fastio.waitForImport(begun.id, signal)).rejects.toMatchObject({ code: "upload_failed" });
    expect(await on.fastio.readImport("5aaaa-aaaaa-aaaaa-aaaaa-aaaaa-aaaa", signal)).toBeUndefined();
  });

  test("a download begins where it is told to", async () => {
    const { nodeId } = await on.emulator.dropFile({ name: "tail.bin", content: bytes });
    const file = { place: root.workspaceId, nodeId };
    const download = await on.fastio.openDownload({ ...file, from: bytes.length - 1_000 }, signal);
    expect(download.size).toBe(bytes.length);
    expect(await buffer(download.body)).toEqual(bytes.subarray(-1_000));
  });

  test("a download of another content than expected fails", async () => {
    const { nodeId } = await on.emulator.dropFile({ name: "other.bin", content: "other" });
    const file = { place: root.workspaceId, nodeId, sha256: sha256(Buffer.from("expected")) };
    const download = await on.fastio.openDownload(file, signal);
    await expect(buffer(download.body)).rejects.toMatchObject({ code: "hash_mismatch" });
  });

  test("an earlier version can be read", async () => {
    const first = await on.emulator.dropFile({ name: "older.txt", content: "older" });
    await on.emulator.dropFile({ name: "older.txt", content: "newer" });
    const file = { place: root.workspaceId, nodeId: first.nodeId, versionId: first.versionId };
    const download = await on.fastio.openDownload(file, signal);
    expect((await buffer(download.body)).toString()).toBe("older");
  });
});

describe("on a reference server", () => {
  let on: ClientOnEmulator;
  beforeAll(async () => {
    on = await clientOn({ dialects: "reference" });
  });
  afterAll(() => on.close());

  test("every chunk that is sent again after a crash carries its hash", async () => {
    const root = { workspaceId: on.emulator.workspaceId, parentId: "root" };
    const { uploadId } = await on.fastio.openUpload({ ...root, name: "hashed.bin", size: bytes.length }, signal);
    on.lines.length = 0;
    const open = (from: number, to: number) => streamOf(bytes.subarray(from, to));
    await on.fastio.fillUpload(uploadId, { size: bytes.length, open }, {}, signal);
    const chunks = on.lines.filter((line) => line.startsWith("POST") && line.includes("/chunk/"));
    expect(chunks).toHaveLength(5);
    for (const [at, line] of chunks.toSorted().entries())
      expect(line).toContain(`hash=${sha256(bytes.subarray(at * 4 * MIB, (at + 1) * 4 * MIB))}&hash_algo=sha256`);
  });

  test("chunks go three at a time and no more", async () => {
    const transport = openTransport();
    let under = 0;
    let most = 0;
    const counting = on.again({
      send: async (request, abort) => {
        const chunk = request.url.pathname.endsWith("/chunk/") ? 1 : 0;
        under += chunk;
        most = Math.max(most, under);
        try {
          return await transport.send(request, abort);
        } finally {
          under -= chunk;
        }
      },
    });
    const content = { name: "wide.bin", size: bytes.length, body: () => streamOf(bytes) };
    await counting.upload({ workspaceId: on.emulator.workspaceId, parentId: "root" }, content, signal);
    await transport.close();
    expect(most).toBe(3);
  });

  test("a batch whose files are stored later is waited for", async () => {
    on.emulator.setKnobs({ singleCallAsync: true });
    const files = ["x", "y", "z"].map((name) => ({ name: `${name}.txt`, content: Buffer.from(name) }));
    const target = { workspaceId: on.emulator.workspaceId, parentId: "root" };
    const outcomes = await on.fastio.uploadMany(target, files, signal);
    on.emulator.setKnobs({ singleCallAsync: false });
    for (const [at, outcome] of outcomes.entries()) {
      if (outcome.kind !== "stored") throw new Error(`file ${at} failed`);
      const node = await on.fastio.readNode(target.workspaceId, outcome.nodeId, signal);
      expect(node.name).toBe(files[at]?.name);
    }
  });

  test("content that is not what was promised fails at its hash", async () => {
    const content = {
      workspaceId: on.emulator.workspaceId,
      name: "liar.bin",
      size: 5 * MIB,
      sha256: sha256(Buffer.from("another")),
      body: streamOf(bytes.subarray(0, 5 * MIB)),
    };
    await expect(on.fastio.uploadUnplaced(content, signal)).rejects.toMatchObject({ code: "hash_mismatch" });
  });

  test("files go into a share that keeps its own", async () => {
    const wish = { title: "Own", type: "exchange", access: "named", customName: "own-storage-share" } as const;
    const share = await on.fastio.createShare({ ...wish, workspaceId: on.emulator.workspaceId }, signal);
    const target = { shareId: share.id, parentId: "root" };
    const content = { name: "inside.txt", size: 6, body: () => streamOf(Buffer.from("inside")) };
    const node = await on.fastio.upload(target, content, signal);
    expect(await on.fastio.readNode({ shareId: share.id }, node.id, signal)).toMatchObject({ name: "inside.txt" });
    const download = await on.fastio.openDownload({ place: { shareId: share.id }, nodeId: node.id }, signal);
    expect((await buffer(download.body)).toString()).toBe("inside");
  });
});
