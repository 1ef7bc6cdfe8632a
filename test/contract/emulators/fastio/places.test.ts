import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();
const wish = {
  folder_name: "second-place",
  name: "Second",
  perm_join: "Member or above",
  perm_member_manage: "Admin or above",
  intelligence: "false",
};

describe("handing an organisation over", () => {
  const create = `/org/${D.orgId}/transfer/token/create/`;

  test("five tokens of 64 characters are open at once, and one less makes room", async () => {
    const { api } = await start();
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { body } = await api.post(create);
      expect(textAt(body, "token")).toHaveLength(64);
      ids.push(textAt(body, "token_id"));
    }
    const sixth = await api.post(create);
    expect([sixth.status, at(sixth.body, "error", "code")]).toEqual([403, 1685]);
    expect(listAt((await api.get(`/org/${D.orgId}/transfer/token/list/`)).body, "tokens")).toHaveLength(5);
    expect((await api.delete(`/org/${D.orgId}/transfer/token/${ids[0]}/`)).status).toBe(200);
    expect((await api.post(create)).status).toBe(200);
  });

  test("whoever claims becomes the owner, once, and the agent stays an admin", async () => {
    const { emulator, api } = await start();
    const token = textAt((await api.post(create)).body, "token");
    const person = callerOf(emulator, D.personKey);
    expect((await api.post("/org/transfer/claim/", { token })).status).toBe(409);
    expect((await person.post("/org/transfer/claim/", { token: "x".repeat(64) })).status).toBe(404);
    expect((await person.post("/org/transfer/claim/", { token })).status).toBe(200);
    expect((await person.post("/org/transfer/claim/", { token })).status).toBe(404);
    const users = listAt((await api.get(`/org/${D.orgId}/members/list/`)).body, "users");
    expect(users.map((one) => [at(one, "email_address"), at(one, "permissions")])).toEqual([
      [D.relayEmail, "admin"],
      [D.personEmail, "owner"],
    ]);
    expect((await api.post(create)).status).toBe(403);
    const events = listAt((await api.get(`/events/search/?org_id=${D.orgId}`)).body, "events");
    expect(events.map((one) => at(one, "event"))).toEqual(["org_transfer_completed", "org_transfer_token_created"]);
  });

  test("a token lives 72 hours, and people who are no agents make none", async () => {
    const { emulator, api } = await start();
    const token = textAt((await api.post(create)).body, "token");
    const person = callerOf(emulator, D.personKey);
    expect((await person.post(create)).status).toBe(403);
    emulator.advance(72 * 3_600_000);
    expect((await person.post("/org/transfer/claim/", { token })).status).toBe(404);
  });
});

describe("workspaces", () => {
  test.each(["folder_name", "name", "perm_join", "perm_member_manage", "intelligence"] as const)(
    "creating one needs %s",
    async (name) => {
      const { api } = await start();
      const { [name]: _left, ...fields } = wish;
      const { status, body } = await api.post(`/org/${D.orgId}/create/workspace/`, fields);
      expect(status).toBe(400);
      expect(at(body, "error")).toMatchObject({ code: 1605, params: [{ name, kind: "missing" }] });
    },
  );

  test("it lives from create to delete, found by folder name, listed for its members only", async () => {
    const { emulator, api } = await start();
    const made = await api.post(`/org/${D.orgDomain}/create/workspace/`, wish);
    const id = textAt(made.body, "workspace", "id");
    expect(id).toMatch(/^3\d{18}$/);
    expect((await api.post(`/org/${D.orgId}/create/workspace/`, wish)).status).toBe(409);
    const person = callerOf(emulator, D.personKey);
    expect((await person.get(`/workspace/${id}/details/`)).status).toBe(401);
    expect(at((await person.get("/workspaces/available/")).body, "workspaces", 0, "id")).toBe(id);
    expect((await person.json("POST", `/workspace/${id}/members/join/`, {})).status).toBe(200);
    expect((await person.get("/workspace/second-place/details/")).status).toBe(200);
    expect((await person.post(`/workspace/${id}/update/`, { name: "Mine" })).status).toBe(403);
    expect((await api.post(`/workspace/${id}/update/`, {})).status).toBe(400);
    const changed = await api.post(`/workspace/${id}/update/`, { name: "Renamed", folder_name: "renamed-place" });
    expect(at(changed.body, "workspace")).toMatchObject({ name: "Renamed", folder_name: "renamed-place" });
    await api.json("POST", `/workspace/${id}/archive/`, {});
    expect(at((await api.get(`/workspace/${id}/details/`)).body, "workspace", "archived")).toBe(true);
    await api.json("POST", `/workspace/${id}/unarchive/`, {});
    expect((await api.get(`/workspace/${id}/limits/`)).status).toBe(200);
    expect((await api.get(`/workspace/${id}/jobs/status/`)).status).toBe(200);
    expect(at((await api.get("/workspaces/check/name/renamed-place/")).body, "available")).toBe(false);
    expect((await api.delete(`/workspace/${id}/delete/`)).status).toBe(400);
    expect((await api.delete(`/workspace/${id}/delete/?confirm=renamed-place`)).status).toBe(200);
    expect((await api.get(`/workspace/${id}/details/`)).status).toBe(404);
  });

  test("switching intelligence off forgets the index and refuses questions, on reads all again", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    const state = async () => at((await api.get(`${ws}/storage/${nodeId}/details/`)).body, "node", "ai", "state");
    await api.post(`${ws}/update/`, { intelligence: "false" });
    expect(await state()).toBe("disabled");
    const refused = await api.post(`${ws}/ai/agent/`, { question: "Anything?" });
    expect(refused.body).toMatchObject({ error: { params: { reason: "intelligence_disabled" } } });
    expect((await api.post(`${ws}/ai/chat/`, { type: "chat_with_files", question: "Anything?" })).status).toBe(403);
    expect((await api.post(`${ws}/ai/chat/`, { type: "chat", question: "Anything?" })).status).toBe(200);
    await api.post(`${ws}/update/`, { intelligence: "true" });
    expect(await state()).toBe("ready");
  });
});

describe("members and invitations", () => {
  test("a viewer reads and may not change anything", async () => {
    const { emulator, api, ws } = await start();
    const person = callerOf(emulator, D.personKey);
    expect((await api.post(`${ws}/member/${D.personUserId}/update/`, { permissions: "view" })).status).toBe(200);
    expect((await person.get(`${ws}/storage/root/list/`)).status).toBe(200);
    const write = await person.post(`${ws}/storage/root/createfolder/`, { name: "x" });
    expect([write.status, at(write.body, "error", "code")]).toEqual([403, 1680]);
    expect((await person.delete(`${ws}/member/`)).status).toBe(200);
    expect((await person.get(`${ws}/details/`)).status).toBe(401);
  });

  test("an invited address signs up, sees its invitations and accepts them", async () => {
    const { emulator, api, ws } = await start();
    await api.post(`${ws}/members/new%40example.test/`, { permissions: "member" });
    const pending = await api.get(`${ws}/members/invitations/list/`);
    expect(listAt(pending.body, "invitations")).toMatchObject([{ email: "new@example.test", state: "pending" }]);
    await api.post("/user/", { email_address: "new@example.test", password: "long enough", tos_agree: "true" });
    const basic = Buffer.from("new@example.test:long enough").toString("base64");
    const signedIn = await api.send("GET", "/user/auth/", { headers: { authorization: `Basic ${basic}` } });
    const fresh = callerOf(emulator, textAt(signedIn.body, "auth_token"));
    const code = emulator.mails().at(-1)?.code ?? "";
    await fresh.post("/user/email/validate/", { email: "new@example.test", email_token: code });
    expect(listAt((await fresh.get("/user/invitations/list/")).body, "invitations")).toHaveLength(1);
    expect((await fresh.post("/user/invitations/acceptall/")).body["accepted"]).toBe(1);
    expect((await fresh.get(`${ws}/details/`)).status).toBe(200);
    const accepted = await api.get(`${ws}/members/invitations/list/accepted/`);
    expect(listAt(accepted.body, "invitations")).toHaveLength(1);
  });

  test("an invitation is changed and withdrawn, and a membership ends at its time", async () => {
    const { emulator, api, ws } = await start();
    await api.post(`${ws}/members/x%40example.test/`, {});
    const id = textAt((await api.get(`${ws}/members/invitations/list/`)).body, "invitations", 0, "id");
    const path = `${ws}/members/invitation/${id}/`;
    expect(at((await api.post(path, { permissions: "view" })).body, "invitation", "permissions")).toBe("view");
    expect((await api.delete(path)).status).toBe(200);
    expect(listAt((await api.get(`${ws}/members/list/`)).body, "users")).toHaveLength(2);
    const expires = new Date(Date.now() + 60_000).toISOString().slice(0, 19).replace("T", " ");
    await api.post(`${ws}/member/${D.personUserId}/update/`, { expires });
    const person = callerOf(emulator, D.personKey);
    expect((await person.get(`${ws}/details/`)).status).toBe(200);
    emulator.advance(61_000);
    expect((await person.get(`${ws}/details/`)).status).toBe(401);
  });

  test("ownership goes to a member, and the owner is not removed", async () => {
    const { emulator, api, ws } = await start();
    const person = callerOf(emulator, D.personKey);
    expect((await api.delete(`${ws}/members/${D.relayUserId}/`)).status).toBe(404);
    expect((await person.post(`${ws}/member/${D.personUserId}/transfer_ownership/`)).status).toBe(403);
    expect((await api.post(`${ws}/member/${D.personUserId}/transfer_ownership/`)).status).toBe(200);
    const member = await api.get(`${ws}/member/${D.relayUserId}/details/`);
    expect(at(member.body, "member", "permissions")).toBe("admin");
    expect((await person.delete(`${ws}/members/${D.relayUserId}/`)).status).toBe(200);
  });
});
