import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();

describe("accounts", () => {
  test("each key belongs to its own user, in both dialects", async () => {
    const { emulator, api } = await start();
    const person = callerOf(emulator, D.personKey);
    expect((await api.get("/user/auth/check/")).body).toMatchObject({ result: true, id: D.relayUserId });
    expect((await person.get("/user/auth/check/")).body["id"]).toBe(D.personUserId);
    expect((await api.get("/user/me/details/")).body).toMatchObject({ id: D.relayUserId, user: { id: D.relayUserId } });
    expect(at((await person.get("/user/")).body, "user")).toMatchObject({ email_address: D.personEmail });
  });

  test("an unknown token is refused with 401 and 10011", async () => {
    const { emulator } = await start();
    const answer = await callerOf(emulator, "nobody").get("/user/auth/check/");
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ result: false, error: { code: 10011 } });
  });

  test("a key is exchanged for a session token that works until sign-out", async () => {
    const { emulator, api } = await start();
    const body = new URLSearchParams({ key: D.personKey });
    const answer = await emulatorPost(`${emulator.apiUrl}/user/auth/key/`, body);
    expect(answer).toMatchObject({ result: true, expires_in: 3600 });
    const token = textAt(answer, "auth_token");
    expect(token).toMatch(/^sess_/);
    const session = callerOf(emulator, token);
    expect((await session.get("/user/")).status).toBe(200);
    await session.send("POST", "/user/auth/sign-out/");
    expect((await session.get("/user/")).status).toBe(401);
    expect((await api.post("/user/auth/key/", { key: "wrong" })).body).toMatchObject({ error: { code: 10008 } });
  });

  test("without a key field the same route makes a new key for its caller", async () => {
    const { emulator, api } = await start();
    const made = await api.post("/user/auth/key/", { memo: "second" });
    const second = callerOf(emulator, textAt(made.body, "api_key"));
    expect((await second.get("/user/auth/check/")).body["id"]).toBe(D.relayUserId);
  });

  test("ping and status need no token", async () => {
    const { api } = await start();
    for (const path of ["/ping/", "/system/status/"]) expect((await api.raw(path)).status).toBe(200);
  });

  test("organisations and workspaces are found by id and by alias", async () => {
    const { api } = await start();
    expect(at((await api.get("/orgs/list/")).body, "orgs", 0)).toMatchObject({ id: D.orgId, domain: D.orgDomain });
    for (const path of ["/workspaces/all/", `/org/${D.orgId}/list/workspaces/`, `/org/${D.orgDomain}/workspaces/`])
      expect(at((await api.get(path)).body, "workspaces", 0, "id")).toBe(D.workspaceId);
    for (const id of [D.workspaceId, D.workspaceFolderName])
      expect(at((await api.get(`/workspace/${id}/details/`)).body, "workspace", "name")).toBe(D.workspaceName);
    expect((await api.get("/workspace/999/details/")).body).toMatchObject({ error: { code: 1609 } });
  });

  test("an unknown route answers 404 with 9992", async () => {
    const { api } = await start();
    const answer = await api.get("/no/such/route/");
    expect([answer.status, at(answer.body, "error", "code")]).toEqual([404, 9992]);
  });

  test("a path works without its last slash", async () => {
    const { api } = await start();
    expect(listAt((await api.get("/orgs/list")).body, "orgs")).toHaveLength(1);
  });
});

async function emulatorPost(url: string, body: URLSearchParams): Promise<unknown> {
  return (await fetch(url, { method: "POST", body })).json();
}
