import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { SOON } from "../../../support/soon.ts";
import { at, callerOf, emulators, textAt } from "./client.ts";

const start = emulators();
const MIB = 1_048_576;
const target = { action: "create", instance_id: D.workspaceId, folder_id: "root", profile_type: "workspace" };
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
type Api = Awaited<ReturnType<typeof start>>["api"];

const chunkOf = (bytes: Uint8Array) => ({ part: "chunk", name: "chunk.bin", bytes });
const statusOf = async (api: Api, id: string): Promise<string> =>
  textAt((await api.get(`/upload/${id}/details/`)).body, "session", "status");

describe("single-call uploads", () => {
  test.each([0, 1, 4_194_304])("%i bytes are stored at once", async (size) => {
    const { emulator, api } = await start();
    const bytes = randomBytes(size);
    const answer = await api.multipart(
      "/upload/",
      { ...target, name: "a.bin", size: String(size) },
      { part: "chunk", name: "a.bin", bytes },
    );
    expect(answer.status).toBe(200);
    expect(emulator.books().files).toMatchObject([{ id: answer.body["new_file_id"], size, sha256: sha256(bytes) }]);
  });

  test("one byte above the limit is refused with 413 and leaves nothing", async () => {
    const { emulator, api } = await start();
    const bytes = Buffer.alloc(4_194_305);
    const answer = await api.multipart("/upload/", { ...target, name: "a", size: "4194305" }, chunkOf(bytes));
    expect(answer.status).toBe(413);
    expect(emulator.books().files).toEqual([]);
  });

  test("a size that is not the size is refused with 10522", async () => {
    const { api } = await start();
    const answer = await api.multipart("/upload/", { ...target, name: "a", size: "5" }, chunkOf(Buffer.from("four")));
    expect([answer.status, at(answer.body, "error", "code")]).toEqual([406, 10522]);
  });

  test.each(["name", "size", "action", "folder_id", "profile_type"])(
    "without %s it is refused by name",
    async (name) => {
      const { api } = await start();
      const fields: Record<string, string> = { ...target, name: "a", size: "1" };
      delete fields[name];
      const answer = await api.multipart("/upload/", fields, chunkOf(Buffer.from("a")));
      expect(at(answer.body, "error", "params", 0)).toMatchObject({ name, kind: "missing" });
    },
  );

  test("a hash without its algorithm is refused, and so is a hash of other bytes", async () => {
    const { api } = await start();
    const half = await api.multipart(
      "/upload/",
      { ...target, name: "a", size: "1", hash: sha256(Buffer.from("a")) },
      chunkOf(Buffer.from("a")),
    );
    expect(half.status).toBe(400);
    const wrong = await api.multipart(
      "/upload/",
      { ...target, name: "a", size: "1", hash: sha256(Buffer.from("b")), hash_algo: "sha256" },
      chunkOf(Buffer.from("a")),
    );
    expect(wrong.status).toBe(406);
  });

  test("a folder that is not there is refused", async () => {
    const { api } = await start();
    const fields = { ...target, folder_id: "2nope", name: "a", size: "1" };
    expect((await api.multipart("/upload/", fields, chunkOf(Buffer.from("a")))).status).toBe(404);
  });
});

describe("chunked uploads", () => {
  const open = async (api: Api, fields: Record<string, string>): Promise<string> =>
    textAt((await api.post("/upload/", { name: "big.bin", action: "create", ...fields })).body, "id");

  test("chunks sent out of order and repeated make the file, order told in query or form", async () => {
    const { emulator, api } = await start();
    const bytes = randomBytes(2 * MIB + 7);
    const id = await open(api, { ...target, size: String(bytes.length) });
    const parts = [bytes.subarray(0, MIB), bytes.subarray(MIB, 2 * MIB), bytes.subarray(2 * MIB)];
    const send = (order: number) => {
      const part = parts[order - 1] ?? Buffer.alloc(0);
      return api.multipart(`/upload/${id}/chunk/?order=${order}&size=${part.length}`, {}, chunkOf(part));
    };
    await send(3);
    await send(1);
    expect((await send(1)).status).toBe(200);
    expect(at((await api.get(`/upload/${id}/chunk/`)).body, "chunks")).toEqual({ 1: MIB, 3: 7 });
    const second = await api.multipart(
      `/upload/${id}/chunk/`,
      { order: "2", size: String(MIB), hash: sha256(parts[1] ?? Buffer.alloc(0)), hash_algo: "sha256" },
      chunkOf(parts[1] ?? Buffer.alloc(0)),
    );
    expect(second.status).toBe(200);
    expect((await api.post(`/upload/${id}/complete/`)).status).toBe(200);
    await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("stored"), SOON);
    expect(emulator.books().files).toMatchObject([{ path: "/big.bin", sha256: sha256(bytes) }]);
    expect(emulator.books().uploads).toMatchObject([{ id, placedAs: [emulator.books().files[0]?.id] }]);
  });

  test("a session without a target stays complete and can be placed more than once", async () => {
    const { emulator, api, ws } = await start();
    const id = await open(api, { size: "5" });
    await api.multipart(`/upload/${id}/chunk/?order=1&size=5`, {}, chunkOf(Buffer.from("hello")));
    const from = JSON.stringify({ type: "upload", upload: { id } });
    const early = await api.post(`${ws}/storage/root/addfile/`, { name: "a.txt", from });
    expect(early.status).toBe(406);
    await api.post(`/upload/${id}/complete/`);
    await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("complete"), SOON);
    const first = await api.post(`${ws}/storage/root/addfile/`, { name: "a.txt", from });
    const again = await api.post(`${ws}/storage/root/addfile/`, { name: "a.txt", from });
    const other = await api.post(`${ws}/storage/root/addfile/`, { name: "b.txt", from });
    expect(at(again.body, "node", "id")).toBe(at(first.body, "node", "id"));
    expect(at(other.body, "node", "id")).not.toBe(at(first.body, "node", "id"));
    expect(emulator.books().files.map((file) => [file.name, file.versions.length])).toEqual([
      ["a.txt", 2],
      ["b.txt", 1],
    ]);
  });

  test("an assembled session counts until it is deleted, wherever its content was placed", async () => {
    const { api, ws } = await start({ sessionsPerUser: 1 });
    const id = await open(api, { size: "5" });
    await api.multipart(`/upload/${id}/chunk/?order=1&size=5`, {}, chunkOf(Buffer.from("hello")));
    await api.post(`/upload/${id}/complete/`);
    await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("complete"), SOON);
    const from = JSON.stringify({ type: "upload", upload: { id } });
    expect((await api.post(`${ws}/storage/root/addfile/`, { name: "a.txt", from })).status).toBe(200);
    const next = { name: "b.txt", action: "create", size: "1" };
    const refused = await api.post("/upload/", next);
    expect([refused.status, at(refused.body, "error", "code")]).toEqual([403, 1685]);
    expect((await api.delete(`/upload/${id}/`)).status).toBe(200);
    expect((await api.post("/upload/", next)).status).toBe(200);
  });

  test("a stored session does not count", async () => {
    const { api } = await start({ sessionsPerUser: 1 });
    for (const name of ["a.txt", "b.txt"]) {
      const id = await open(api, { ...target, name, size: "1" });
      await api.multipart(`/upload/${id}/chunk/?order=1&size=1`, {}, chunkOf(Buffer.from("x")));
      await api.post(`/upload/${id}/complete/`);
      await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("stored"), SOON);
    }
  });

  test("a file is made of content that is already there by its hash", async () => {
    const { emulator, api, ws } = await start();
    await emulator.dropFile({ name: "a.txt", content: "same" });
    const from = JSON.stringify({ type: "hash", hash: { hash: sha256(Buffer.from("same")), hash_type: "sha256" } });
    expect((await api.post(`${ws}/storage/root/addfile/`, { name: "b.txt", from })).status).toBe(200);
    const unknown = JSON.stringify({ type: "hash", hash: { hash: "0".repeat(64), hash_type: "sha256" } });
    expect((await api.post(`${ws}/storage/root/addfile/`, { name: "c.txt", from: unknown })).status).toBe(400);
    expect((await api.post(`${ws}/storage/root/addfile/`, { name: "d.txt", from: "{}" })).status).toBe(400);
    expect(emulator.books().files).toHaveLength(2);
  });

  test("completing with bytes missing is refused with 10522 and ends the session", async () => {
    const { api } = await start();
    const id = await open(api, { ...target, size: "10" });
    await api.multipart(`/upload/${id}/chunk/?order=1`, {}, chunkOf(Buffer.from("four")));
    const refused = await api.post(`/upload/${id}/complete/`);
    expect([refused.status, at(refused.body, "error", "code")]).toEqual([406, 10522]);
    const session = at((await api.get(`/upload/${id}/details/`)).body, "session");
    expect(session).toMatchObject({ status: "assembly_failed", status_message: expect.stringContaining("(4)") });
  });

  test("chunks are refused that are small in the middle, too many, of another size, or sent as other bytes", async () => {
    const { api } = await start({ chunksPerSession: 3 });
    const id = await open(api, { ...target, size: String(MIB) });
    const send = (query: string, bytes: Uint8Array) =>
      api.multipart(`/upload/${id}/chunk/${query}`, {}, chunkOf(bytes));
    expect((await send("?order=0", Buffer.from("a"))).status).toBe(400);
    expect((await send("?order=4", Buffer.from("a"))).status).toBe(400);
    expect((await send("", Buffer.from("a"))).status).toBe(400);
    expect((await send("?order=1&size=2", Buffer.from("a"))).status).toBe(406);
    expect((await send("?order=1", Buffer.alloc(MIB + 1))).status).toBe(406);
    expect((await send("?order=1&index=1", Buffer.from("a"))).status).toBe(200);
    expect((await send("?order=1", Buffer.from("b"))).status).toBe(409);
    expect((await send("?order=2", Buffer.alloc(MIB - 1))).status).toBe(200);
    expect((await api.post(`/upload/${id}/complete/`)).status).toBe(400);
    expect(await statusOf(api, id)).toBe("assembly_failed");
  });

  describe("CRC-32C", () => {
    const whole = Buffer.from("123456789");
    const send = (api: Api, id: string, order: number, from: number, query: string) =>
      api.multipart(`/upload/${id}/chunk/?order=${order}${query}`, {}, chunkOf(whole.subarray(from, from + 1)));
    const openTwo = (api: Api) => open(api, { ...target, size: "2", name: "sum.bin" });

    test("checks a chunk, and the whole by what the last chunk declares", async () => {
      const { api } = await start({ chunkMinBytes: 1 });
      const id = await openTwo(api);
      // "1" and "12".
      expect((await send(api, id, 1, 0, "&hash=00000000&hash_algo=crc32c")).status).toBe(406);
      expect((await send(api, id, 1, 0, "&hash=90f599e3&hash_algo=crc32c")).status).toBe(200);
      expect((await send(api, id, 2, 1, "&file_crc32c=7355c460")).status).toBe(200);
      expect((await api.post(`/upload/${id}/complete/`)).status).toBe(200);
      await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("stored"), SOON);
    });

    test("of another file stores nothing: 406 with 10778", async () => {
      const { emulator, api } = await start({ chunkMinBytes: 1 });
      const id = await openTwo(api);
      await send(api, id, 1, 0, "");
      await send(api, id, 2, 1, "&file_crc32c=00000000");
      const refused = await api.post(`/upload/${id}/complete/`);
      expect([refused.status, at(refused.body, "error", "code")]).toEqual([406, 10778]);
      expect(await statusOf(api, id)).toBe("assembly_failed");
      expect(emulator.books().files).toEqual([]);
    });

    test("declared anew and differently is a conflict: 409 with 10779", async () => {
      const { api } = await start({ chunkMinBytes: 1 });
      const id = await openTwo(api);
      expect((await send(api, id, 1, 0, "&file_crc32c=7355c460")).status).toBe(200);
      expect((await send(api, id, 1, 0, "&file_crc32c=7355C460")).status).toBe(200);
      const refused = await send(api, id, 2, 1, "&file_crc32c=00000000");
      expect([refused.status, at(refused.body, "error", "code")]).toEqual([409, 10779]);
      expect((await send(api, id, 2, 1, "&file_crc32c=123")).status).toBe(400);
    });

    test("is no hash of a whole file, and each hash has its own length", async () => {
      const { api } = await start();
      const wish = { ...target, name: "a", size: "1" };
      expect((await api.post("/upload/", { ...wish, hash: "90f599e3", hash_algo: "crc32c" })).status).toBe(400);
      expect((await api.post("/upload/", { ...wish, hash: "0".repeat(64), hash_algo: "sha1" })).status).toBe(400);
    });
  });

  test("a hash that does not fit the whole file fails the assembly", async () => {
    const { api } = await start();
    const id = await open(api, { ...target, size: "1", hash: "0".repeat(64), hash_algo: "sha256" });
    await api.multipart(`/upload/${id}/chunk/?order=1`, {}, chunkOf(Buffer.from("a")));
    await api.post(`/upload/${id}/complete/`);
    await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("assembly_failed"), SOON);
  });

  test("a target folder that vanishes meanwhile fails the storing", async () => {
    const { api, ws } = await start();
    const made = await api.post(`${ws}/storage/root/createfolder/`, { name: "gone" });
    const folder = textAt(made.body, "node", "id");
    const id = await open(api, { ...target, folder_id: folder, size: "1" });
    await api.multipart(`/upload/${id}/chunk/?order=1`, {}, chunkOf(Buffer.from("a")));
    await api.delete(`${ws}/storage/${folder}/delete/`);
    await api.post(`/upload/${id}/complete/`);
    await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("store_failed"), SOON);
  });

  test("a long poll answers when the state moves, not when the wait is over", async () => {
    const { api } = await start({ uploadDelayMs: 100 });
    const id = await open(api, { size: "1" });
    await api.multipart(`/upload/${id}/chunk/?order=1`, {}, chunkOf(Buffer.from("a")));
    await api.post(`/upload/${id}/complete/`);
    const began = performance.now();
    const answer = await api.get(`/upload/${id}/details/?wait=20`);
    expect(textAt(answer.body, "session", "status")).toBe("complete");
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test("sessions are seen by their owner only, and are gone once deleted", async () => {
    const { emulator, api } = await start();
    const id = await open(api, { size: "1" });
    expect((await callerOf(emulator, D.personKey).get(`/upload/${id}/details/`)).status).toBe(404);
    expect((await api.delete(`/upload/${id}/`)).status).toBe(200);
    expect((await api.get(`/upload/${id}/details/`)).status).toBe(404);
  });

  test("an update adds a version to the very node", async () => {
    const { emulator, api } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "old" });
    const fields = { action: "update", instance_id: D.workspaceId, file_id: nodeId, profile_type: "workspace" };
    const answer = await api.multipart("/upload/", { ...fields, name: "x", size: "3" }, chunkOf(Buffer.from("new")));
    expect(answer.body["new_file_id"]).toBe(nodeId);
    expect(emulator.books().files[0]?.versions).toHaveLength(2);
  });
});

describe("stream uploads", () => {
  const octets = { "content-type": "application/octet-stream" };
  const open = async (api: Api, fields: Record<string, string>): Promise<string> =>
    textAt((await api.post("/upload/", { name: "s.bin", action: "create", stream: "true", ...fields })).body, "id");

  test("a stream finishes by itself", async () => {
    const { emulator, api } = await start();
    const bytes = randomBytes(300_000);
    const id = await open(api, target);
    const query = `?hash=${sha256(bytes)}&hash_algo=sha256`;
    const sent = await api.send("POST", `/upload/${id}/stream/${query}`, { body: bytes, headers: octets });
    expect(sent.status).toBe(201);
    await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("stored"), SOON);
    expect(emulator.books().files[0]?.sha256).toBe(sha256(bytes));
  });

  test("a stream above its limit, a chunk on a stream and a stream on chunks are refused", async () => {
    const { api } = await start();
    const id = await open(api, { max_size: "10" });
    const long = await api.send("POST", `/upload/${id}/stream/`, { body: Buffer.alloc(11), headers: octets });
    expect(long.status).toBe(413);
    expect((await api.multipart(`/upload/${id}/chunk/?order=1`, {}, chunkOf(Buffer.from("a")))).status).toBe(406);
    const chunked = textAt((await api.post("/upload/", { name: "c", action: "create", size: "1" })).body, "id");
    const wrong = await api.send("POST", `/upload/${chunked}/stream/`, { body: Buffer.from("a"), headers: octets });
    expect(wrong.status).toBe(406);
  });
});

describe("uploads in the guide's words", () => {
  const open = async (api: Api, ws: string, size: number): Promise<string> => {
    const wish = { filename: "g.txt", content_type: "text/plain", size };
    return textAt((await api.json("POST", `${ws}/upload/init/`, wish)).body, "upload_id");
  };
  const put = (api: Api, id: string, index: number, text: string) =>
    api.send("PUT", `/upload/${id}/chunk/${index}/`, { body: Buffer.from(text) });

  test.each([0, 1])("raw chunks counted from %i become a file by add-file", async (base) => {
    const { emulator, api, ws } = await start();
    const id = await open(api, ws, 6);
    expect((await put(api, id, base, "abc")).body["received"]).toBe(3);
    expect((await put(api, id, base + 1, "def")).status).toBe(200);
    const added = await api.post(`${ws}/storage/root/add-file/`, { upload_id: id });
    expect(added.status).toBe(200);
    await vi.waitFor(async () => expect(await statusOf(api, id)).toBe("stored"), SOON);
    expect(emulator.books().files).toMatchObject([{ name: "g.txt", sha256: sha256(Buffer.from("abcdef")) }]);
  });

  test("a gap, too many bytes and an unfinished upload are refused", async () => {
    const { api, ws } = await start();
    const id = await open(api, ws, 6);
    await put(api, id, 0, "abc");
    expect((await put(api, id, 2, "def")).status).toBe(409);
    expect(at((await put(api, id, 1, "defg")).body, "error", "code")).toBe(10522);
    expect(at((await api.post(`${ws}/storage/root/add-file/`, { upload_id: id })).body, "error", "code")).toBe(10522);
  });

  test.each([{ size: 0 }, { size: -1 }, {}])("init with %j is refused", async (part) => {
    const { api, ws } = await start();
    const wish = { filename: "g.txt", content_type: "text/plain", ...part };
    const answer = await api.json("POST", `${ws}/upload/init/`, wish);
    expect([answer.status, at(answer.body, "error", "code")]).toEqual([400, 1605]);
  });

  test("add-link takes a small file by the part named file", async () => {
    const { emulator, api, ws } = await start();
    const small = { part: "file", name: "small.txt", bytes: Buffer.from("hi") };
    const answer = await api.multipart(`${ws}/storage/root/add-link/`, {}, small);
    expect(at(answer.body, "node", "name")).toBe("small.txt");
    expect(emulator.books().files).toHaveLength(1);
    const wrongPart = await api.multipart(`${ws}/storage/root/add-link/`, {}, { ...small, part: "chunk" });
    expect(wrongPart.status).toBe(400);
    const large = { part: "file", name: "large", bytes: Buffer.alloc(4_194_305) };
    expect((await api.multipart(`${ws}/storage/root/add-link/`, {}, large)).status).toBe(413);
  });
});
