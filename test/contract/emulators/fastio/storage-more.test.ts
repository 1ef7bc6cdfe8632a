import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { attachment } from "../../../../src/emulators/fastio/http/send-file.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();

describe("copying", () => {
  test("a copy has an id of its own, and a folder takes everything along", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a", folder: "in/deep" });
    const deep = textAt((await api.get(`${ws}/storage/${nodeId}/details/`)).body, "node", "parent");
    const folder = textAt((await api.get(`${ws}/storage/${deep}/details/`)).body, "node", "parent");
    const copied = await api.post(`${ws}/storage/${folder}/copy/`, { parent: "root" });
    expect(at(copied.body, "node", "name")).toBe("in (1)");
    expect(emulator.books().files.map((file) => file.path)).toEqual(["/in/deep/a.txt", "/in (1)/deep/a.txt"]);
    const same = await api.post(`${ws}/storage/${nodeId}/copy/`, { parent: deep });
    expect(at(same.body, "node", "name")).toBe("a (1).txt");
    expect((await api.post(`${ws}/storage/${folder}/copy/`, { parent: deep })).status).toBe(406);
    expect((await api.post(`${ws}/storage/${nodeId}/copy/`, { folder_id: "root" })).body).toMatchObject({
      error: { params: [{ name: "parent", received_alias: "folder_id" }] },
    });
  });

  test("a copy trashes a file of that name at the target", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "new", folder: "in" });
    const old = await emulator.dropFile({ name: "a.txt", content: "old" });
    await api.post(`${ws}/storage/${nodeId}/copy/`, { parent: "root" });
    const trash = await api.get(`${ws}/storage/trash/list/`);
    expect(listAt(trash.body, "nodes", "items").map((node) => at(node, "id"))).toEqual([old.nodeId]);
  });

  test("a transfer moves a node into another workspace", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    const made = await api.post(`/org/${D.orgId}/create/workspace/`, {
      folder_name: "other-place",
      name: "Other",
      perm_join: "Member or above",
      perm_member_manage: "Admin or above",
      intelligence: "false",
    });
    const other = textAt(made.body, "workspace", "id");
    const moved = await api.post(`${ws}/storage/${nodeId}/transfer/`, {
      target_workspace_id: other,
      transfer_mode: "move",
    });
    expect(moved.status).toBe(200);
    expect(emulator.books().files.map((file) => [file.workspaceId, file.name])).toEqual([[other, "a.txt"]]);
    expect((await api.get(`${ws}/storage/${nodeId}/details/`)).status).toBe(404);
  });
});

describe("locks", () => {
  test("keep others from changing a node until released, renewed or over", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    const path = `${ws}/storage/${nodeId}`;
    const person = callerOf(emulator, D.personKey);
    const { body } = await api.post(`${path}/lock/`, { duration: "60", client_info: "test" });
    const lock_token = textAt(body, "lock_token");
    expect((await person.get(`${path}/lock/`)).body).toMatchObject({ locked: true, lock: { user_id: D.relayUserId } });
    expect(JSON.stringify((await person.get(`${path}/details/`)).body)).not.toContain(lock_token);
    for (const change of [
      () => person.post(`${path}/update/`, { name: "b.txt" }),
      () => person.post(`${path}/lock/`),
      () => person.delete(`${path}/delete/`),
    ])
      expect((await change()).status).toBe(409);
    expect((await api.post(`${path}/update/`, { name: "b.txt" })).status).toBe(200);
    expect((await person.post(`${path}/lock/heartbeat/`, { lock_token: "wrong" })).status).toBe(403);
    emulator.advance(50_000);
    expect((await api.post(`${path}/lock/heartbeat/`, { lock_token })).status).toBe(200);
    emulator.advance(50_000);
    expect((await person.post(`${path}/lock/`)).status).toBe(409);
    expect((await api.delete(`${path}/lock/`, { lock_token })).status).toBe(200);
    expect((await person.post(`${path}/lock/`, { duration: "5" })).status).toBe(200);
    emulator.advance(6_000);
    expect((await api.post(`${path}/update/`, { name: "c.txt" })).status).toBe(200);
  });
});

/** Reads an archive by its central directory, as readers do; only stored entries, checked by their CRC. */
function readZip(bytes: Buffer): ReadonlyMap<string, string> {
  const end = bytes.lastIndexOf(Buffer.from("PK\u0005\u0006"));
  const found = new Map<string, string>();
  let at = bytes.readUInt32LE(end + 16);
  for (let n = bytes.readUInt16LE(end + 10); n > 0; n -= 1) {
    const [crc, size, nameLength] = [
      bytes.readUInt32LE(at + 16),
      bytes.readUInt32LE(at + 20),
      bytes.readUInt16LE(at + 28),
    ];
    const local = bytes.readUInt32LE(at + 42);
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const content = bytes.subarray(from, from + size);
    expect([bytes.readUInt32LE(at), bytes.readUInt32LE(local)]).toEqual([0x02014b50, 0x04034b50]);
    expect(crc32(content)).toBe(crc);
    found.set(bytes.toString("utf8", at + 46, at + 46 + nameLength), content.toString());
    at += 46 + nameLength;
  }
  expect(at).toBe(end);
  return found;
}

describe("folders as archives", () => {
  test("the ZIP holds every file with its bytes, folders included", async () => {
    const { emulator, api, ws } = await start();
    await emulator.dropFile({ name: "a.txt", content: "alpha" });
    await emulator.dropFile({ name: "Bericht ü.txt", content: "beta", folder: "in" });
    await emulator.dropFile({ name: "empty.txt", content: "" });
    const answer = await api.raw(`${ws}/storage/root/zip/`, { headers: { authorization: `Bearer ${D.relayKey}` } });
    expect(answer.headers.get("content-type")).toBe("application/zip");
    expect(answer.headers.get("content-disposition")).toBe(attachment("files.zip"));
    expect(Object.fromEntries(readZip(Buffer.from(await answer.arrayBuffer())))).toEqual({
      "a.txt": "alpha",
      "in/": "",
      "in/Bericht ü.txt": "beta",
      "empty.txt": "",
    });
    expect((await api.raw(`${ws}/storage/root/zip/`)).status).toBe(401);
  });
});

test("recent nodes come newest first and by type", async () => {
  const { emulator, api, ws } = await start();
  await emulator.dropFile({ name: "old.txt", content: "a" });
  emulator.advance(5_000);
  await emulator.dropFile({ name: "new.txt", content: "a", folder: "in" });
  const names = async (query: string) =>
    listAt((await api.get(`${ws}/storage/recent/${query}`)).body, "nodes", "items").map((node) => at(node, "name"));
  expect((await names("?type=file")).at(0)).toBe("new.txt");
  expect(await names("?type=folder")).toEqual(["in"]);
  expect((await api.get(`${ws}/storage/recent/?type=disk`)).status).toBe(400);
});

test("title and short text of a file are kept within their limits", async () => {
  const { emulator, api, ws } = await start();
  const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
  const update = (fields: Readonly<Record<string, string>>) => api.post(`${ws}/storage/${nodeId}/update/`, fields);
  await update({ metadata_title: "Title" });
  const both = await update({ metadata_short: "Short" });
  expect(at(both.body, "node", "metadata")).toEqual({ title: "Title", short: "Short" });
  expect((await update({ metadata_title: "x".repeat(51) })).status).toBe(400);
  expect((await update({ metadata_short: "x".repeat(2049) })).status).toBe(400);
  expect((await update({})).status).toBe(400);
});
