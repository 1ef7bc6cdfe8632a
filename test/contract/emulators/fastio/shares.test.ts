import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();
const base = { title: "Output Share", intelligence: "false" };
const byLink = { ...base, share_type: "send", access_options: "Anyone with the link" };

describe("creating shares", () => {
  test("title and intelligence are enough; the rest has defaults", async () => {
    const { emulator, api, ws } = await start();
    const share = at((await api.post(`${ws}/create/share/`, base)).body, "share");
    expect(share).toMatchObject({
      title: "Output Share",
      share_type: "exchange",
      storage_mode: "independent",
      share_category: "portal",
      access_options: "Only members of the Share or Workspace",
      creator: D.relayUserId,
    });
    expect(textAt(share, "url")).toBe(`${emulator.url}/shared/${textAt(share, "custom_name")}/output-share`);
  });

  test.each([
    ["no intelligence", { title: "Output Share" }, "intelligence"],
    ["no title", { intelligence: "false" }, "title"],
    ["a title of one character", { ...base, title: "x" }, "title"],
    ["a title of 81 characters", { ...base, title: "x".repeat(81) }, "title"],
    ["an intelligence that is no truth value", { ...base, intelligence: "1" }, "intelligence"],
    ["an unknown type", { ...base, share_type: "sent" }, "share_type"],
    ["a short description", { ...base, description: "too short" }, "description"],
    ["a short custom name", { ...base, custom_name: "ninechars" }, "custom_name"],
    ["a custom name with a slash", { ...base, custom_name: "abcde/fghij" }, "custom_name"],
    ["an access phrase in other words", { ...base, access_options: "Anyone" }, "access_options"],
    ["link access on a receive share", { ...byLink, share_type: "receive" }, "access_options"],
    ["a password without link access", { ...base, share_type: "send", password: "secret" }, "password"],
    ["a folder share without its folder", { ...base, storage_mode: "workspace_folder" }, "folder_node_id"],
    ["the guide's word for the type", { ...base, mode: "send" }, "mode"],
    ["an expiry in no known form", { ...base, expires: "tomorrow" }, "expires"],
    ["an expiry in another form", { ...base, expires: "2030-01-01T00:00:00Z" }, "expires"],
  ])("%s is refused by name", async (_what, fields, name) => {
    const { emulator, api, ws } = await start();
    const answer = await api.post(`${ws}/create/share/`, fields);
    expect(answer.status).toBe(400);
    expect(at(answer.body, "error", "code")).toBe(1605);
    expect(listAt(answer.body, "error", "params").map((row) => at(row, "name"))).toContain(name);
    expect(emulator.books().shares).toEqual([]);
  });

  test("an expiry or intelligence of its own does not go with a folder", async () => {
    const { api, ws } = await start();
    const folder = textAt((await api.post(`${ws}/storage/root/createfolder/`, { name: "f" })).body, "node", "id");
    const backed = { ...base, storage_mode: "workspace_folder", folder_node_id: folder };
    expect((await api.post(`${ws}/create/share/`, { ...backed, expires: "2030-01-01 00:00:00" })).status).toBe(400);
    expect((await api.post(`${ws}/create/share/`, { ...backed, intelligence: "true" })).status).toBe(400);
    expect((await api.post(`${ws}/create/share/`, backed)).status).toBe(200);
  });

  test("a custom name is given once, and a folder backs one share", async () => {
    const { emulator, api, ws } = await start();
    const folder = async (name: string) =>
      textAt((await api.post(`${ws}/storage/root/createfolder/`, { name })).body, "node", "id");
    const [one, two] = [await folder("one"), await folder("two")];
    const backed = (id: string, custom: string) =>
      api.post(`${ws}/create/share/`, {
        ...byLink,
        storage_mode: "workspace_folder",
        folder_node_id: id,
        custom_name: custom,
      });
    expect((await backed(one, "relay-run-0001")).status).toBe(200);
    const sameName = await backed(two, "relay-run-0001");
    expect([sameName.status, at(sameName.body, "error", "code")]).toEqual([409, 1660]);
    const sameFolder = await backed(one, "relay-run-0002");
    expect([sameFolder.status, at(sameFolder.body, "error", "code")]).toEqual([409, 1660]);
    expect(emulator.books().shares).toHaveLength(1);
  });

  test("the guide's share is an independent one open by its link", async () => {
    const { api, ws } = await start();
    const wish = { title: "Hand-over", storage_mode: "room", mode: "send", folder_node_id: "root" };
    const answer = await api.json("POST", `${ws}/share/create/`, wish);
    expect(at(answer.body, "share")).toMatchObject({
      share_type: "send",
      storage_mode: "independent",
      intelligence: false,
      access_options: "Anyone with the link",
    });
    expect(answer.body["url"]).toBe(at(answer.body, "share", "url"));
  });
});

describe("living with shares", () => {
  test("a share is found by id, by custom name, in both lists and in public", async () => {
    const { api, ws } = await start();
    const made = await api.post(`${ws}/create/share/`, { ...byLink, custom_name: "relay-run-0001" });
    const id = textAt(made.body, "share", "id");
    for (const key of [id, "relay-run-0001"])
      expect(at((await api.get(`/share/${key}/details/`)).body, "share", "id")).toBe(id);
    for (const path of ["/shares/all/", `${ws}/list/shares/`])
      expect(at((await api.get(path)).body, "shares", 0, "custom_name")).toBe("relay-run-0001");
    const open = await (await api.raw(`/share/${id}/public/details/`)).json();
    expect(open).toMatchObject({ share: { id } });
    expect(at((await api.get("/shares/check/name/relay-run-0001/")).body, "available")).toBe(false);
    expect(at((await api.get("/shares/check/name/relay-run-0002/")).body, "available")).toBe(true);
    expect((await api.get("/share/relay-run-0009/details/")).status).toBe(404);
  });

  test("the root of a folder share is its folder, and nothing outside is seen", async () => {
    const { emulator, api, ws } = await start();
    await emulator.dropFile({ name: "in.txt", content: "in", folder: "Out" });
    const outside = await emulator.dropFile({ name: "private.txt", content: "private" });
    const folder = textAt(
      (await api.get(`${ws}/storage/root/list/?sort_by=type&sort_dir=desc`)).body,
      "nodes",
      "items",
      0,
      "id",
    );
    const made = await api.post(`${ws}/create/share/`, {
      ...byLink,
      storage_mode: "workspace_folder",
      folder_node_id: folder,
    });
    const id = textAt(made.body, "share", "id");
    const items = listAt((await api.get(`/share/${id}/storage/root/list/`)).body, "nodes", "items");
    expect(items.map((node) => [at(node, "name"), at(node, "parent")])).toEqual([["in.txt", "root"]]);
    expect((await api.get(`/share/${id}/storage/${outside.nodeId}/details/`)).status).toBe(404);
    await api.delete(`${ws}/storage/${folder}/delete/`);
    expect(at((await api.get(`/share/${id}/details/`)).body, "share", "is_orphaned")).toBe(true);
  });

  test("files reach a share's own storage by upload and by addfile", async () => {
    const { emulator, api, ws } = await start();
    const id = textAt((await api.post(`${ws}/create/share/`, byLink)).body, "share", "id");
    const fields = { name: "a.txt", size: "1", action: "create", instance_id: id, folder_id: "root" };
    const chunk = { part: "chunk", name: "a.txt", bytes: Buffer.from("a") };
    expect((await api.multipart("/upload/", { ...fields, profile_type: "share" }, chunk)).status).toBe(200);
    expect(emulator.books().shares[0]?.files.map((file) => file.name)).toEqual(["a.txt"]);
    expect(emulator.books().files[0]?.workspaceId).toBe(id);
  });

  test("an update changes what it names, clears by null, and keeps the rules", async () => {
    const { api, ws } = await start();
    const id = textAt((await api.post(`${ws}/create/share/`, { ...byLink, password: "secret" })).body, "share", "id");
    const changed = await api.post(`/share/${id}/update/`, { title: "New title", password: "null" });
    expect(at(changed.body, "share")).toMatchObject({ title: "New title", password: false });
    expect((await api.post(`/share/${id}/update/`, { share_type: "receive" })).status).toBe(400);
    expect((await api.delete(`/share/${id}/delete/`)).status).toBe(400);
    expect((await api.delete(`/share/${id}/delete/`, { confirm: id })).status).toBe(200);
    expect((await api.get(`/share/${id}/details/`)).status).toBe(404);
  });

  test("an unknown address is invited once, a known one joins, and both are listed", async () => {
    const { emulator, api, ws } = await start();
    const id = textAt((await api.post(`${ws}/create/share/`, base)).body, "share", "id");
    const invite = (email: string) =>
      api.post(`/share/${id}/members/${encodeURIComponent(email)}/`, { permissions: "view", message: "Ready." });
    for (const email of ["legal@example.com", "Legal@Example.com", D.personEmail])
      expect((await invite(email)).status).toBe(200);
    const users = listAt((await api.get(`/share/${id}/members/list/`)).body, "users");
    expect(users.map((user) => [at(user, "email_address"), at(user, "status"), at(user, "permissions")])).toEqual([
      [D.relayEmail, "active", "owner"],
      ["legal@example.com", "pending", "view"],
      [D.personEmail, "active", "view"],
    ]);
    expect(emulator.books().invitations).toMatchObject([{ email: "legal@example.com", message: "Ready." }]);
    const events = listAt((await api.get(`/events/search/?share_id=${id}`)).body, "events");
    expect(events.map((event) => at(event, "event"))).toEqual([
      "added_member_to_share",
      "invitation_email_sent",
      "share_created",
    ]);
    expect((await invite("nobody")).status).toBe(400);
    expect((await api.post(`/share/${id}/members/a%40b.example/`, { permissions: "boss" })).status).toBe(400);
  });

  test("only its creator deletes a share", async () => {
    const { emulator, api, ws } = await start();
    const id = textAt((await api.post(`${ws}/create/share/`, base)).body, "share", "id");
    const person = callerOf(emulator, D.personKey);
    expect((await person.delete(`/share/${id}/delete/`, { confirm: id })).status).toBe(403);
  });
});
