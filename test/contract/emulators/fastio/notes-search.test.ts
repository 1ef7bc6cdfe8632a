import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();
type Started = Awaited<ReturnType<typeof start>>;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const makeNote = async ({ api, ws }: Started, content = "first") => {
  const { body } = await api.post(`${ws}/storage/root/createnote/`, { name: "plan.md", content });
  return { id: textAt(body, "node", "id"), version: textAt(body, "node", "version"), body };
};

describe("notes", () => {
  test("a note is a node of its own type that keeps its versions", async () => {
    const world = await start();
    const { api, ws } = world;
    const { id, version, body } = await makeNote(world);
    expect(at(body, "node")).toMatchObject({ type: "note", name: "plan.md", version, ai: { state: "ready" } });
    // Only files tell these.
    for (const field of ["size", "hash", "mimetype", "virus", "origin"])
      expect(at(body, "node", field)).toBe(undefined);
    const changed = await api.post(`${ws}/storage/${id}/updatenote/`, { content: "second", if_version_id: version });
    expect(at(changed.body, "node", "id")).toBe(id);
    expect((await api.get(`${ws}/storage/${id}/readnote/`)).body).toMatchObject({ content: "second", note: { id } });
    expect((await api.get(`${ws}/storage/${id}/readnote/?version_id=${version}`)).body["content"]).toBe("first");
    expect(listAt((await api.get(`${ws}/storage/${id}/versions/`)).body, "versions")).toHaveLength(2);
  });

  test("a stale precondition answers 409 with the version and hash that are there now", async () => {
    const world = await start();
    const { api, ws } = world;
    const { id, version } = await makeNote(world);
    const changed = await api.post(`${ws}/storage/${id}/updatenote/`, { content: "second" });
    const stale = await api.post(`${ws}/storage/${id}/updatenote/`, { content: "third", if_version_id: version });
    expect([stale.status, at(stale.body, "error", "code")]).toEqual([409, 1660]);
    expect(at(stale.body, "error", "params")).toEqual({
      reason: "version_mismatch",
      current: { version_id: at(changed.body, "node", "version"), hash: sha256("second") },
    });
  });

  test("of two writers with the same precondition one wins", async () => {
    const world = await start();
    const { id, version } = await makeNote(world);
    const write = (content: string) =>
      world.api.post(`${world.ws}/storage/${id}/updatenote/`, { content, if_version_id: version });
    const answers = await Promise.all([write("a"), write("b"), write("c")]);
    expect(answers.map((one) => one.status).sort()).toEqual([200, 409, 409]);
  });

  test.each([
    ["no .md", { name: "plan.txt", content: "x" }, "name"],
    ["101 characters", { name: `${"x".repeat(98)}.md`, content: "x" }, "name"],
    ["no content", { name: "plan.md" }, "content"],
    ["more than 100 KB", { name: "plan.md", content: "x".repeat(102_401) }, "content"],
  ])("a note with %s is refused by name", async (_what, fields, name) => {
    const { api, ws } = await start();
    const answer = await api.post(`${ws}/storage/root/createnote/`, fields);
    expect([answer.status, at(answer.body, "error", "params", 0, "name")]).toEqual([400, name]);
  });

  test("a file is no note", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.md", content: "x" });
    const read = await api.get(`${ws}/storage/${nodeId}/readnote/`);
    expect([read.status, at(read.body, "error", "code")]).toEqual([400, 153548]);
    expect((await api.post(`${ws}/storage/${nodeId}/updatenote/`, { content: "y" })).status).toBe(400);
  });
});

describe("search", () => {
  const fill = async ({ emulator }: Started) => ({
    named: await emulator.dropFile({ name: "invoice-7.txt", content: "nothing" }),
    inside: await emulator.dropFile({ name: "letter.txt", content: "see the invoice of May", folder: "post" }),
    both: await emulator.dropFile({ name: "invoice.txt", content: "this is an invoice" }),
  });

  test("hits are a map by node id and say where the words were", async () => {
    const world = await start();
    const { named, inside, both } = await fill(world);
    const { body } = await world.api.get(`${world.ws}/storage/search/?search=INVOICE`);
    expect(at(body, "files", named.nodeId)).toMatchObject({ match_source: "keyword", parent_id: "root", type: "file" });
    expect(at(body, "files", inside.nodeId)).toMatchObject({
      match_source: "semantic",
      content_snippet: "see the invoice of May",
    });
    expect(at(body, "files", both.nodeId)).toMatchObject({ match_source: "both" });
    expect(body["pagination"]).toEqual({ total: 3, limit: 100, offset: 0, has_more: false });
    const folder = textAt(body, "files", inside.nodeId, "parent_id");
    const scoped = await world.api.get(`${world.ws}/storage/search/?search=invoice&folders_scope=${folder}:1`);
    expect(Object.keys(Object(scoped.body["files"]))).toEqual([inside.nodeId]);
    const paged = await world.api.get(`${world.ws}/storage/search/?search=invoice&limit=2&offset=2&details=true`);
    const [only] = Object.values(Object(paged.body["files"]));
    expect(at(only, "node", "id")).toBeDefined();
    expect((await world.api.get(`${world.ws}/storage/search/?search=x`)).status).toBe(400);
    expect((await world.api.get(`${world.ws}/storage/search/?q=invoice`)).body).toMatchObject({
      error: { params: [{ name: "search", received_alias: "q" }] },
    });
  });

  test("without intelligence only names are searched", async () => {
    const world = await start();
    const { inside } = await fill(world);
    await world.api.post(`${world.ws}/update/`, { intelligence: "false" });
    const { body } = await world.api.get(`${world.ws}/storage/search/?search=invoice`);
    expect(Object.keys(Object(body["files"]))).not.toContain(inside.nodeId);
  });

  test("the unified search answers in buckets, and not on folder-backed shares", async () => {
    const world = await start();
    const { api, ws } = world;
    const { named } = await fill(world);
    await api.json("POST", `/comments/workspace/${D.workspaceId}/${named.nodeId}/`, { body: "Is this invoice paid?" });
    await api.post(`${ws}/storage/${named.nodeId}/update/`, { metadata_title: "Invoice of May" });
    const { body } = await api.get(`${ws}/search/?search=invoice&files_limit=1`);
    expect(body["files"]).toMatchObject({ status: "ok", total: 3, total_relation: "eq", has_more: true });
    expect(listAt(body, "files", "items")).toHaveLength(1);
    expect([at(body, "comments", "total"), at(body, "metadata", "total"), at(body, "workflows", "total")]).toEqual([
      1, 1, 0,
    ]);
    const folder = textAt((await api.post(`${ws}/storage/root/createfolder/`, { name: "f" })).body, "node", "id");
    const made = await api.post(`${ws}/create/share/`, {
      title: "Shared",
      intelligence: "false",
      storage_mode: "workspace_folder",
      folder_node_id: folder,
    });
    const share = textAt(made.body, "share", "id");
    expect(at((await api.get(`/share/${share}/search/?search=invoice`)).body, "error", "code")).toBe(1609);
  });
});

describe("the text of files", () => {
  test("comes in chunks, by one selector at a time", async () => {
    const { emulator, api, ws } = await start();
    const content = `${"a".repeat(1000)}${"b".repeat(1000)}needle${"c".repeat(2000)}`;
    const { nodeId } = await emulator.dropFile({ name: "long.txt", content });
    const read = (query: string) => api.get(`${ws}/storage/${nodeId}/content/${query}`);
    expect((await read("")).body).toMatchObject({ total_chunks: 5, has_more: false });
    expect(listAt((await read("?q=needle")).body, "chunks").map((one) => at(one, "chunk"))).toEqual([2]);
    expect(listAt((await read("?page=2")).body, "chunks").map((one) => at(one, "chunk"))).toEqual([3, 4]);
    expect(listAt((await read("?chunk_from=1&chunk_to=2")).body, "chunks")).toHaveLength(2);
    expect((await read("?max_bytes=1500")).body).toMatchObject({ has_more: true });
    expect((await read("?q=needle&page=2")).status).toBe(406);
    const many = await api.get(`${ws}/storage/content/?nodes=${nodeId}&q=needle`);
    expect(listAt(many.body, "chunks")).toMatchObject([{ node_id: nodeId }]);
    expect((await api.get(`${ws}/storage/content/?nodes=${nodeId}`)).status).toBe(400);
  });

  test("is not there before it is indexed", async () => {
    const { emulator, api, ws } = await start({ indexDelayMs: 600_000 });
    const { nodeId } = await emulator.dropFile({ name: "new.txt", content: "x" });
    expect((await api.get(`${ws}/storage/${nodeId}/content/`)).status).toBe(406);
  });
});

describe("comments", () => {
  const path = (node: string) => `/comments/workspace/${D.workspaceId}/${node}/`;

  test("they are JSON, with replies one level deep, and only their author changes them", async () => {
    const { emulator, api } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    const made = await api.json("POST", path(nodeId), { body: "Look here", reference: { page: 1 } });
    const id = textAt(made.body, "comment", "id");
    const reply = await api.json("POST", path(nodeId), { body: "I did", parent_id: id });
    const deeper = { body: "And again", parent_id: textAt(reply.body, "comment", "id") };
    expect((await api.json("POST", path(nodeId), deeper)).status).toBe(400);
    expect(listAt((await api.get(path(nodeId))).body, "comments")).toHaveLength(2);
    expect(listAt((await api.get(`/comments/workspace/${D.workspaceId}/?sort=desc`)).body, "comments")).toHaveLength(2);
    const person = callerOf(emulator, D.personKey);
    expect((await person.json("POST", `/comments/${id}/update/`, { body: "Mine" })).status).toBe(403);
    await person.json("POST", `/comments/${id}/reactions/`, { emoji: "👍" });
    const changed = await api.json("POST", `/comments/${id}/update/`, { body: "Look there" });
    expect(at(changed.body, "comment")).toMatchObject({ body: "Look there", reactions: [{ emoji: "👍" }] });
    expect((await api.delete(`/comments/${id}/delete/`)).status).toBe(200);
    expect(listAt((await api.get(path(nodeId))).body, "comments")).toEqual([]);
    const events = await api.get(`/events/search/?workspace_id=${D.workspaceId}&subcategory=comments`);
    expect(
      listAt(events.body, "events")
        .map((one) => at(one, "event"))
        .toReversed(),
    ).toEqual(["comment_created", "comment_replied", "comment_reaction", "comment_updated", "comment_deleted"]);
  });

  test("a form, an empty and a long one are refused", async () => {
    const { emulator, api } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    expect((await api.post(path(nodeId), { body: "form" })).status).toBe(400);
    const post = async (body: string) => (await api.json("POST", path(nodeId), { body })).body;
    expect(at(await post(" "), "error", "params", 0, "name")).toBe("body");
    expect(at(await post("x".repeat(8193)), "error", "code")).toBe(162417);
    expect(at(await post("x".repeat(501)), "error", "code")).toBe(166910);
    expect(at(await post(`${"x".repeat(490)} @[user:${D.personUserId}:Pat]`), "result")).toBe(true);
  });
});
