import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();
type Started = Awaited<ReturnType<typeof start>>;
const byLink = { title: "Output", intelligence: "false", share_type: "send", access_options: "Anyone with the link" };

async function shareWithFile({ api, ws }: Started, more: Readonly<Record<string, string>> = {}) {
  const id = textAt((await api.post(`${ws}/create/share/`, { ...byLink, ...more })).body, "share", "id");
  const fields = { name: "a.txt", size: "1", action: "create", instance_id: id, folder_id: "root" };
  const chunk = { part: "chunk", name: "a.txt", bytes: Buffer.from("a") };
  const { body } = await api.multipart("/upload/", { ...fields, profile_type: "share" }, chunk);
  return { id, path: `/share/${id}`, node: textAt(body, "new_file_id") };
}

describe("guests", () => {
  test("a guest token reads its share, changes nothing and opens nothing else", async () => {
    const world = await start();
    const { path, node } = await shareWithFile(world);
    const other = await shareWithFile(world);
    const opened = await world.api.json("POST", `${path}/auth/guest/`, {});
    const guest = callerOf(world.emulator, textAt(opened.body, "auth_token"));
    expect(textAt(opened.body, "auth_token").split(".")).toHaveLength(3);
    expect(listAt((await guest.get(`${path}/storage/root/list/`)).body, "nodes", "items")).toHaveLength(1);
    const read = await guest.get(`${path}/storage/${node}/requestread/`);
    const token = textAt(read.body, "token");
    expect(await (await guest.raw(`${path}/storage/${node}/read/?token=${token}`)).text()).toBe("a");
    for (const refused of [
      guest.post(`${path}/storage/root/createfolder/`, { name: "x" }),
      guest.get(`${path}/members/list/`),
      guest.get(`${other.path}/storage/root/list/`),
      guest.get(`${world.ws}/storage/root/list/`),
      guest.get("/user/me/details/"),
    ])
      expect((await refused).status).toBe(403);
    world.emulator.advance(3_601_000);
    expect((await guest.get(`${path}/storage/root/list/`)).status).toBe(401);
  });

  test("a password lets in whoever knows it, and guests no more", async () => {
    const world = await start();
    const { path } = await shareWithFile(world, { password: "open sesame" });
    const wrong = await world.api.post(`${path}/auth/password/`, { password: "wrong" });
    expect([wrong.status, at(wrong.body, "error", "code")]).toEqual([401, 1650]);
    expect((await world.api.json("POST", `${path}/auth/guest/`, {})).status).toBe(401);
    const right = await world.api.post(`${path}/auth/password/`, { password: "open sesame" });
    const guest = callerOf(world.emulator, textAt(right.body, "auth_token"));
    expect((await guest.get(`${path}/storage/root/list/`)).status).toBe(200);
  });

  test("nobody gets in after its expiry, into an archived share or into one for members", async () => {
    const world = await start();
    const expires = new Date(Date.now() + 60_000).toISOString().slice(0, 19).replace("T", " ");
    const shares = [
      await shareWithFile(world, { expires }),
      await shareWithFile(world),
      await shareWithFile(world, { access_options: "Only members of the Share or Workspace" }),
    ];
    world.emulator.advance(61_000);
    await world.api.json("POST", `${shares[1]?.path}/archive/`, {});
    for (const { path } of shares) expect((await world.api.json("POST", `${path}/auth/guest/`, {})).status).toBe(403);
  });

  test("an invited guest drops files into a share that receives, and not into one that sends", async () => {
    const world = await start();
    await world.api.delete(`${world.ws}/members/${D.personUserId}/`);
    const person = callerOf(world.emulator, D.personKey);
    const drop = async (type: string) => {
      const access = { share_type: type, access_options: "Only members of the Share or Workspace" };
      const { id, path } = await shareWithFile(world, access);
      await world.api.post(`${path}/members/${encodeURIComponent(D.personEmail)}/`, { permissions: "guest" });
      const fields = { name: "b.txt", size: "1", action: "create", instance_id: id, folder_id: "root" };
      const chunk = { part: "chunk", name: "b.txt", bytes: Buffer.from("b") };
      return (await person.multipart("/upload/", { ...fields, profile_type: "share" }, chunk)).status;
    };
    expect([await drop("receive"), await drop("send")]).toEqual([200, 403]);
  });
});

describe("shares and their places", () => {
  test("a share is imported into a workspace as a link, once", async () => {
    const world = await start();
    const { id } = await shareWithFile(world);
    const imported = await world.api.post(`${world.ws}/import/share/${id}/`);
    expect(at(imported.body, "node")).toMatchObject({ type: "link", target_id: id });
    expect((await world.api.post(`${world.ws}/import/share/${id}/`)).status).toBe(409);
    const events = await world.api.get(`/events/search/?share_id=${id}`);
    expect(at(events.body, "events", 0, "event")).toBe("share_imported_to_workspace");
  });

  test("archiving closes and opens a share, unless a folder backs it", async () => {
    const world = await start();
    const { api, ws } = world;
    const { path } = await shareWithFile(world);
    expect(at((await api.json("POST", `${path}/archive/`, {})).body, "share", "archived")).toBe(true);
    expect(at((await api.json("POST", `${path}/unarchive/`, {})).body, "share", "archived")).toBe(false);
    const backed = { ...byLink, storage_mode: "workspace_folder", create_folder: "true", folder_name: "out" };
    const id = textAt((await api.post(`${ws}/create/share/`, backed)).body, "share", "id");
    expect((await api.json("POST", `/share/${id}/archive/`, {})).status).toBe(406);
  });

  test("people see the shares of their workspaces and may join them", async () => {
    const world = await start();
    const { id, path } = await shareWithFile(world);
    const person = callerOf(world.emulator, D.personKey);
    expect(at((await person.get("/shares/available/")).body, "shares", 0, "id")).toBe(id);
    expect((await person.json("POST", `${path}/members/join/`, {})).status).toBe(200);
    expect((await person.get("/shares/available/")).body["shares"]).toEqual([]);
    await world.api.delete(`${world.ws}/members/${D.personUserId}/`);
    expect(at((await person.get("/shares/all/")).body, "shares", 0, "id")).toBe(id);
  });

  test("a title is made up from the files, and an empty share has none", async () => {
    const world = await start();
    const { path } = await shareWithFile(world);
    expect((await world.api.post(`${path}/ai/autotitle/`)).body).toMatchObject({ title: "a.txt" });
    const empty = textAt((await world.api.post(`${world.ws}/create/share/`, byLink)).body, "share", "id");
    expect((await world.api.post(`/share/${empty}/ai/autotitle/`)).status).toBe(400);
    world.emulator.setKnobs({ payment: "credits" });
    expect((await world.api.post(`${path}/ai/autotitle/`)).status).toBe(402);
  });

  test("files are exported for other models as markdown that lasts five minutes", async () => {
    const world = await start();
    const { nodeId } = await world.emulator.dropFile({ name: "a.txt", content: "alpha" });
    const made = await world.api.post(`${world.ws}/ai/share/`, { files: JSON.stringify([nodeId]) });
    const url = textAt(made.body, "files", 0, "url");
    const answer = await fetch(url);
    expect(answer.headers.get("content-type")).toMatch(/^text\/markdown/);
    expect(await answer.text()).toBe("# a.txt\n\nalpha");
    world.emulator.advance(5 * 60_000);
    expect((await fetch(url)).status).toBe(404);
    const many = JSON.stringify(Array.from({ length: 26 }, () => nodeId));
    expect((await world.api.post(`${world.ws}/ai/share/`, { files: many })).status).toBe(400);
  });
});

describe("file shares", () => {
  const make = async (world: Started, more: Readonly<Record<string, string>> = {}) => {
    const { nodeId, versionId } = await world.emulator.dropFile({ name: "a.txt", content: "alpha" });
    const { body } = await world.api.post(`${world.ws}/create/fileshare/`, {
      node: nodeId,
      access_option: "anyone_with_link",
      ...more,
    });
    return {
      nodeId,
      versionId,
      id: textAt(body, "fileshare", "id"),
      path: `/fileshare/${textAt(body, "fileshare", "id")}`,
    };
  };

  test("anybody with the link reads the file and its versions, and nothing is said of workspaces", async () => {
    const world = await start();
    const { path, versionId } = await make(world);
    await world.emulator.dropFile({ name: "a.txt", content: "second" });
    const details = await (await world.api.raw(`${path}/details/`)).json();
    expect(at(details, "fileshare")).toMatchObject({ title: "a.txt", effective_capability: "download" });
    expect(await (await world.api.raw(`${path}/storage/read/`)).text()).toBe("second");
    expect(listAt(await (await world.api.raw(`${path}/storage/versions/`)).json(), "versions")).toHaveLength(2);
    expect(await (await world.api.raw(`${path}/storage/versions/${versionId}/read/`)).text()).toBe("alpha");
    expect((await world.api.raw(`${path}/storage/preview/image/read/`)).status).toBe(404);
  });

  test("a password travels in its header only", async () => {
    const world = await start();
    const { path } = await make(world, { password: "secret" });
    const read = (headers: Record<string, string>) => world.api.raw(`${path}/storage/read/`, { headers });
    expect((await world.api.raw(`${path}/storage/read/?password=secret`)).status).toBe(401);
    const wrong = await read({ "x-ve-password": "wrong" });
    expect([wrong.status, at(await wrong.json(), "error", "code")]).toEqual([401, 1650]);
    expect(await (await read({ "x-ve-password": "secret" })).text()).toBe("alpha");
    await world.api.post(`${path}/update/`, { password: "" });
    expect((await read({})).status).toBe(200);
  });

  test("named people get what they were granted, until it is withdrawn", async () => {
    const world = await start();
    await world.api.delete(`${world.ws}/members/${D.personUserId}/`);
    const person = callerOf(world.emulator, D.personKey);
    const { path } = await make(world, { access_option: "named_people" });
    expect((await person.get(`${path}/details/`)).status).toBe(403);
    expect((await world.api.raw(`${path}/details/`)).status).toBe(401);
    await world.api.post(`${path}/grants/`, { email: D.personEmail, capability: "view" });
    expect(at((await person.get(`${path}/details/`)).body, "fileshare", "effective_capability")).toBe("view");
    const headers = { authorization: `Bearer ${D.personKey}` };
    expect((await world.api.raw(`${path}/storage/read/`, { headers })).status).toBe(403);
    await world.api.post(`${path}/grants/`, { user: D.personUserId, capability: "download" });
    expect((await world.api.raw(`${path}/storage/read/`, { headers })).status).toBe(200);
    expect(listAt((await world.api.get(`${path}/grants/`)).body, "grants")).toHaveLength(1);
    expect((await world.api.delete(`${path}/grants/?user=${D.personUserId}`)).status).toBe(200);
    expect((await person.get(`${path}/details/`)).status).toBe(403);
    expect((await world.api.post(`${path}/grants/`, { capability: "view" })).status).toBe(400);
  });

  test("a new version through the link is refused when the file moved on meanwhile", async () => {
    const world = await start();
    const { id, nodeId, versionId } = await make(world);
    const fields = { name: "a.txt", size: "3", action: "update", instance_id: id, file_id: nodeId };
    const chunk = { part: "chunk", name: "a.txt", bytes: Buffer.from("new") };
    const good = await world.api.multipart("/upload/", { ...fields, if_version_id: versionId }, chunk);
    expect(good.body["new_file_id"]).toBe(nodeId);
    const now = world.emulator.books().files[0]?.versions.at(-1)?.id;
    const { api } = world;
    const session = textAt((await api.post("/upload/", { ...fields, if_version_id: versionId })).body, "id");
    await api.multipart(`/upload/${session}/chunk/?order=1&size=3`, {}, chunk);
    await api.post(`/upload/${session}/complete/`);
    const details = await api.get(`/upload/${session}/details/?wait=5`);
    expect(at(details.body, "session")).toMatchObject({
      status: "assembly_failed",
      status_message: `CONFLICT_VERSION_MISMATCH:${now}`,
    });
    const plain = { ...fields, instance_id: D.workspaceId, profile_type: "workspace", if_version_id: versionId };
    expect((await api.multipart("/upload/", plain, chunk)).status).toBe(400);
  });

  test("they end at their time, are listed and deleted, and quick shares are no longer made", async () => {
    const world = await start();
    const { path, nodeId } = await make(world, { expires: "60" });
    expect(listAt((await world.api.get(`${world.ws}/list/fileshares/`)).body, "fileshares")).toHaveLength(1);
    world.emulator.advance(61_000);
    expect((await world.api.raw(`${path}/details/`)).status).toBe(404);
    expect((await world.api.delete(`${path}/delete/`)).status).toBe(200);
    const both = { node: nodeId, expires: "60", expires_at: "2030-01-01 00:00:00" };
    expect((await world.api.post(`${world.ws}/create/fileshare/`, both)).status).toBe(400);
    const quick = await world.api.post(`${world.ws}/create/quickshare/`, { node: nodeId });
    expect([quick.status, at(quick.body, "error", "code")]).toEqual([403, 10756]);
  });
});
