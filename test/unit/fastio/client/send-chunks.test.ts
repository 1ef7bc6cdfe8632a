import { createHash } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test, vi } from "vitest";
import type { Api, Call } from "../../../../src/fastio/client/api.ts";
import { createChunkSource } from "../../../../src/fastio/client/chunk-source.ts";
import { createChunkSender } from "../../../../src/fastio/client/send-chunks.ts";
import { SOON } from "../../../support/soon.ts";

const MIB = 1024 * 1024;
/** Too large to be held in memory. */
const LARGE = 17 * MIB;
const reference = { id: "5a", dialect: "reference" } as const;
const guide = { id: "5a", dialect: "guide" } as const;

const contentOf = (size: number): Buffer => Buffer.alloc(size, "some bytes that do not fit the chunks' bounds,");
const streamOf = (bytes: Buffer): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / 65_000) }, (_, at) => bytes.subarray(at * 65_000, (at + 1) * 65_000)),
    { objectMode: false },
  );
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** A server that takes all bytes of a chunk at once and answers when it is told to. */
function serverOf(answer: (call: Call, signal: AbortSignal) => Promise<unknown> = async () => ({})) {
  const began: Call[] = [];
  const arrived = new Map<string, Buffer>();
  const call: Api["call"] = async (one, signal) => {
    began.push(one);
    const body = (await one.body?.make()) as Readable;
    signal.addEventListener("abort", () => body.destroy(new Error("aborted")), { once: true });
    arrived.set(one.query?.["order"] ?? one.path, await buffer(body));
    return answer(one, signal);
  };
  return { sender: createChunkSender({ api: { call } as Api }), began, arrived };
}

/** What a form of ours carries as its file. */
const fileIn = (form: Buffer | undefined): Buffer =>
  form?.subarray(form.indexOf("\r\n\r\n") + 4, form.lastIndexOf("\r\n--")) ?? Buffer.alloc(0);

const signal = new AbortController().signal;

describe("chunks too large to be held", () => {
  const content = contentOf(2 * LARGE + 12_345);
  const plan = { size: content.length, chunkBytes: LARGE };

  test("go while the answers to those before them are awaited, each with its own bytes", async () => {
    const answers: (() => void)[] = [];
    const server = serverOf(() => new Promise((resolve) => answers.push(() => resolve({}))));
    const told: number[] = [];
    const source = createChunkSource(streamOf(content));
    const sending = server.sender.sendAll(reference, source, plan, ({ sentBytes }) => told.push(sentBytes), signal);
    await vi.waitFor(() => expect(answers).toHaveLength(3), SOON);
    expect(told).toEqual([]);
    for (const answer of answers) answer();
    await sending;
    expect(told).toEqual([LARGE, 2 * LARGE, content.length]);
    expect([...server.arrived.keys()]).toEqual(["1", "2", "3"]);
    const pieces = [...server.arrived.values()].map(fileIn);
    expect(sha256(Buffer.concat(pieces))).toBe(sha256(content));
    expect(source.measure()).toEqual({ size: content.length, sha256: sha256(content) });
  });

  test("go one after another to a server of the guide", async () => {
    const answers: (() => void)[] = [];
    const server = serverOf(() => new Promise((resolve) => answers.push(() => resolve({}))));
    const sending = server.sender.sendAll(guide, createChunkSource(streamOf(content)), plan, undefined, signal);
    for (let at = 1; at <= 3; at += 1) {
      await vi.waitFor(() => expect(answers).toHaveLength(at), SOON);
      expect(server.began).toHaveLength(at);
      answers[at - 1]?.();
    }
    await sending;
    expect(sha256(Buffer.concat([...server.arrived.values()]))).toBe(sha256(content));
  });

  test("end together when one is refused while the next is on its way", async () => {
    const body = new PassThrough();
    body.write(content.subarray(0, LARGE + 1_000));
    let refuse = (_error: Error): void => {};
    const server = serverOf(
      () =>
        new Promise((_resolve, reject) => {
          refuse = reject;
        }),
    );
    const sending = server.sender.sendAll(reference, createChunkSource(body), plan, undefined, signal);
    const failing = expect(sending).rejects.toThrow("refused");
    await vi.waitFor(() => expect(server.began).toHaveLength(2), SOON);
    refuse(new Error("refused"));
    await failing;
    expect(server.began).toHaveLength(2);
  });

  test("that nobody begins to read hold nobody up", async () => {
    const call: Api["call"] = () => Promise.reject(new Error("no connection"));
    const { sendAll } = createChunkSender({ api: { call } as Api });
    const sending = sendAll(reference, createChunkSource(streamOf(content)), plan, undefined, signal);
    await expect(sending).rejects.toThrow("no connection");
  });

  test.each([
    { what: "fewer", size: content.length + 1 },
    { what: "more", size: content.length - 1 },
  ])("of $what bytes than announced fail", async ({ size }) => {
    const source = createChunkSource(streamOf(content));
    const sending = serverOf().sender.sendAll(reference, source, { ...plan, size }, undefined, signal);
    await expect(sending).rejects.toMatchObject({ code: "download_changed" });
  });
});

describe("chunks held in memory", () => {
  const content = contentOf(2 * MIB + 7);

  test("carry a hash where one chunk is all there is, since only then it is known in time", async () => {
    const server = serverOf();
    for (const chunkBytes of [MIB, 4 * MIB]) {
      const source = createChunkSource(streamOf(content));
      await server.sender.sendAll(reference, source, { size: content.length, chunkBytes }, undefined, signal);
    }
    const hashes = server.began.map(({ query }) => query?.["hash"]);
    expect(hashes).toEqual([undefined, undefined, undefined, sha256(content)]);
  });
});
