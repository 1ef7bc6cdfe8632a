import { describe, expect, test } from "vitest";
import { at, emulators, listAt, textAt } from "./client.ts";

const start = emulators();

describe("storage", () => {
  test("making a folder twice gives the same folder, unless forced", async () => {
    const { api, ws } = await start();
    const first = await api.post(`${ws}/storage/root/createfolder/`, { name: "project-2026-01-01" });
    const again = await api.post(`${ws}/storage/root/createfolder/`, { name: "project-2026-01-01" });
    expect(at(again.body, "node", "id")).toBe(at(first.body, "node", "id"));
    const forced = await api.post(`${ws}/storage/root/createfolder/`, { name: "project-2026-01-01", force: "true" });
    expect(at(forced.body, "node", "name")).toBe("project-2026-01-01 (1)");
  });

  test("a missing field is named, and so is the name it was mistaken for", async () => {
    const { api, ws } = await start();
    const answer = await api.post(`${ws}/storage/root/createfolder/`, { folder_name: "x" });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      error: { code: 1605, params: [{ name: "name", kind: "missing", received_alias: "folder_name" }] },
    });
  });

  test("JSON is not read where the reference takes forms", async () => {
    const { api, ws } = await start();
    const answer = await api.json("POST", `${ws}/storage/root/createfolder/`, { name: "x" });
    expect(answer.body).toMatchObject({ error: { params: [{ name: "name", kind: "missing" }] } });
  });

  test.each(["..", "a/b", "a\\b", "dot.", "space ", "nul\u0000", "\u202egpj.exe", "x".repeat(256)])(
    "the name %j is refused",
    async (name) => {
      const { api, ws } = await start();
      expect((await api.post(`${ws}/storage/root/createfolder/`, { name })).status).toBe(400);
    },
  );

  test("a listing comes in pages that together hold every node once", async () => {
    const { emulator, api, ws } = await start();
    for (let n = 0; n < 205; n += 1) await emulator.dropFile({ name: `f${n}.txt`, content: String(n) });
    const names: unknown[] = [];
    for (let cursor = ""; ; ) {
      const page = await api.get(`${ws}/storage/root/list/?page_size=100&cursor=${cursor}`);
      names.push(...listAt(page.body, "nodes", "items").map((node) => at(node, "name")));
      const next = page.body["next_cursor"];
      if (typeof next !== "string") break;
      cursor = next;
    }
    expect(names).toHaveLength(205);
    expect(new Set(names).size).toBe(205);
    expect((await api.get(`${ws}/storage/root/list/?page_size=7`)).status).toBe(400);
    expect((await api.get(`${ws}/storage/root/list/?cursor=made-up`)).status).toBe(400);
  });

  test("the same name in the same folder keeps the node and adds a version", async () => {
    const { emulator, api, ws } = await start();
    const first = await emulator.dropFile({ name: "report.csv", content: "one" });
    const second = await emulator.dropFile({ name: "report.csv", content: "two!" });
    expect(second.nodeId).toBe(first.nodeId);
    const node = at((await api.get(`${ws}/storage/${first.nodeId}/details/`)).body, "node");
    expect(node).toMatchObject({ type: "file", size: 4, version: second.versionId, hash_algo: "sha256" });
    const versions = listAt((await api.get(`${ws}/storage/${first.nodeId}/versions/`)).body, "versions");
    expect(versions.map((version) => at(version, "id"))).toEqual([second.versionId, first.versionId]);
    const events = listAt(
      (await api.get(`/events/search/?workspace_id=${emulator.workspaceId}&object_id=${first.nodeId}`)).body,
      "events",
    );
    expect(events.map((event) => at(event, "event"))).toEqual([
      "workspace_storage_file_updated",
      "workspace_storage_file_added",
    ]);
  });

  test("an id may be written without hyphens and in capitals", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    const plain = nodeId.replaceAll("-", "").toUpperCase();
    expect(at((await api.get(`${ws}/storage/${plain}/details/`)).body, "node", "id")).toBe(nodeId);
  });

  test("several ids are answered together, with a row for each that failed", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    const mixed = await api.get(`${ws}/storage/${nodeId},2nope/details/`);
    expect(mixed.body).toMatchObject({
      result: true,
      format: "multi",
      node_count: 1,
      error_count: 1,
      requested_count: 2,
    });
    const none = await api.get(`${ws}/storage/2nope,2neither/details/`);
    expect([none.status, none.body["result"]]).toEqual([404, "no"]);
    const many = Array.from({ length: 26 }, (_, n) => `2id${n}`).join(",");
    expect((await api.get(`${ws}/storage/${many}/details/`)).body).toMatchObject({ error: { code: 115519 } });
  });

  test("delete moves to the trash, restore brings back, a new file may take the name meanwhile", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a", folder: "In" });
    await api.delete(`${ws}/storage/${nodeId}/delete/`);
    expect(at((await api.get(`${ws}/storage/trash/list/`)).body, "nodes", "count")).toBe(1);
    expect((await api.get(`${ws}/storage/${nodeId}/requestread/`)).status).toBe(404);
    const other = await emulator.dropFile({ name: "a.txt", content: "b", folder: "In" });
    expect(other.nodeId).not.toBe(nodeId);
    const back = await api.post(`${ws}/storage/${nodeId}/restore/`);
    expect(at(back.body, "node")).toMatchObject({ name: "a (1).txt", deleted: null });
    expect(emulator.books().files.map((file) => file.path)).toEqual(["/In/a (1).txt", "/In/a.txt"]);
  });

  test("moving onto a file of the same name trashes that file", async () => {
    const { emulator, api, ws } = await start();
    const one = await emulator.dropFile({ name: "a.txt", content: "1", folder: "A" });
    const two = await emulator.dropFile({ name: "a.txt", content: "2", folder: "B" });
    const folder = textAt((await api.get(`${ws}/storage/${two.nodeId}/details/`)).body, "node", "parent");
    expect((await api.post(`${ws}/storage/${one.nodeId}/move/`, { parent: folder })).status).toBe(200);
    expect(emulator.books().files.map((file) => [file.id, file.path])).toEqual([[one.nodeId, "/B/a.txt"]]);
  });
});

describe("downloads", () => {
  test("a token reads the bytes without a credential, as often as asked, and one range too", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "Größe ü.txt", content: "0123456789" });
    const token = textAt((await api.get(`${ws}/storage/${nodeId}/requestread/`)).body, "token");
    const path = `${ws}/storage/${nodeId}/read/?token=${token}`;
    for (let n = 0; n < 2; n += 1) {
      const whole = await api.raw(path);
      expect([whole.status, whole.headers.get("content-length"), await whole.text()]).toEqual([
        200,
        "10",
        "0123456789",
      ]);
      expect(whole.headers.get("content-disposition")).toContain("filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%C3%BC.txt");
    }
    const part = await api.raw(path, { headers: { range: "bytes=2-4" } });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([206, "bytes 2-4/10", "234"]);
    const tail = await api.raw(path, { headers: { range: "bytes=-3" } });
    expect(await tail.text()).toBe("789");
    expect((await api.raw(path, { headers: { range: "bytes=10-" } })).status).toBe(416);
  });

  test("a token opens its own file only, and a made-up one opens none", async () => {
    const { emulator, api, ws } = await start();
    const a = await emulator.dropFile({ name: "a", content: "a" });
    const b = await emulator.dropFile({ name: "b", content: "b" });
    const token = textAt((await api.get(`${ws}/storage/${a.nodeId}/requestread/`)).body, "token");
    expect((await api.raw(`${ws}/storage/${b.nodeId}/read/?token=${token}`)).status).toBe(403);
    expect((await api.raw(`${ws}/storage/${a.nodeId}/read/?token=made-up`)).status).toBe(401);
    expect((await api.raw(`${ws}/storage/${a.nodeId}/read/`)).status).toBe(401);
  });

  test("the version is chosen by who reads: naming it to the token alone does not", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a", content: "old" });
    const node = (await api.get(`${ws}/storage/${nodeId}/details/`)).body["node"];
    const version = textAt(node, "version");
    await emulator.dropFile({ name: "a", content: "new" });
    const asked = await api.get(`${ws}/storage/${nodeId}/requestread/?version_id=${version}`);
    const path = `${ws}/storage/${nodeId}/read/?token=${textAt(asked.body, "token")}`;
    expect((await api.raw(path)).status).toBe(403);
    expect(await (await api.raw(`${path}&version_id=${version}`)).text()).toBe("old");
  });

  test("an older version stays readable, directly with the key", async () => {
    const { emulator, api, ws } = await start();
    const old = await emulator.dropFile({ name: "a", content: "old" });
    await emulator.dropFile({ name: "a", content: "new" });
    const headers = { authorization: "Bearer fastio-relay-key" };
    const path = `${ws}/storage/${old.nodeId}/read/`;
    expect(await (await api.raw(path, { headers })).text()).toBe("new");
    expect(await (await api.raw(`${path}?version_id=${old.versionId}`, { headers })).text()).toBe("old");
  });

  test("the guide's download gives a link that works, or the content itself when asked", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a", content: "bytes" });
    const link = await api.get(`${ws}/storage/${nodeId}/download/`);
    expect(await (await fetch(textAt(link.body, "url"))).text()).toBe("bytes");
    const headers = { authorization: "Bearer fastio-relay-key" };
    const inline = await api.raw(`${ws}/storage/${nodeId}/download/?inline=true`, { headers });
    expect(await inline.text()).toBe("bytes");
  });
});
