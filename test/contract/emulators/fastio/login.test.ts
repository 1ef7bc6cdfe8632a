import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();
type Started = Awaited<ReturnType<typeof start>>;

const login = async ({ api }: Started, email: string, password: string) => {
  const authorization = `Basic ${Buffer.from(`${email}:${password}`).toString("base64")}`;
  return api.send("GET", "/user/auth/", { headers: { authorization } });
};
const lastMail = ({ emulator }: Started) => emulator.mails().at(-1)?.code ?? "";

describe("signing in with a password", () => {
  test("it gives a token that works for as long as it says", async () => {
    const world = await start();
    const { body } = await login(world, D.relayEmail, D.relayPassword);
    expect(body).toMatchObject({ expires_in: 3600, "2factor": false });
    const token = textAt(body, "auth_token");
    expect(token.split(".")).toHaveLength(3);
    const session = callerOf(world.emulator, token);
    expect((await session.get("/user/auth/check/")).body["id"]).toBe(D.relayUserId);
    world.emulator.advance(3_601_000);
    expect((await session.get("/user/auth/check/")).status).toBe(401);
  });

  test("wrong passwords are counted, and the fifth locks the account for half an hour", async () => {
    const world = await start();
    const left: unknown[] = [];
    for (let n = 0; n < 5; n += 1) {
      const answer = await login(world, D.relayEmail, "wrong");
      expect([answer.status, at(answer.body, "error", "code")]).toEqual([401, 10008]);
      left.push(at(answer.body, "error", "params", "attempts_remaining"));
    }
    expect(left).toEqual([4, 3, 2, 1, 0]);
    const locked = await login(world, D.relayEmail, D.relayPassword);
    expect([locked.status, at(locked.body, "error", "code")]).toEqual([429, 10760]);
    expect(at(locked.body, "error", "params", "retry_after_seconds")).toBeGreaterThan(1_790);
    world.emulator.advance(30 * 60_000);
    expect((await login(world, D.relayEmail, D.relayPassword)).status).toBe(200);
  });

  test("with a second factor the first token is good for the code only", async () => {
    const world = await start();
    const { api } = world;
    const setup = await api.post("/user/auth/2factor/totp/");
    expect(setup.body["binding_uri"]).toMatch(/^otpauth:/);
    expect((await api.post(`/user/auth/2factor/verify/${lastMail(world)}/`)).status).toBe(200);
    expect((await api.get("/user/auth/2factor/")).body).toMatchObject({ state: "enabled", totp: true });
    const first = await login(world, D.relayEmail, D.relayPassword);
    expect(first.body["2factor"]).toBe(true);
    const limited = callerOf(world.emulator, textAt(first.body, "auth_token"));
    const refused = await limited.get("/user/me/details/");
    expect([refused.status, at(refused.body, "error", "code")]).toEqual([401, 10175]);
    expect((await limited.post("/user/auth/2factor/auth/000000x/")).status).toBe(401);
    const full = await limited.post(`/user/auth/2factor/auth/${lastMail(world)}/`);
    const session = callerOf(world.emulator, textAt(full.body, "auth_token"));
    expect((await session.get("/user/me/details/")).status).toBe(200);
    await session.get("/user/auth/2factor/send/sms/");
    expect((await session.delete(`/user/auth/2factor/${lastMail(world)}/`)).status).toBe(200);
    expect((await session.get("/user/auth/2factor/")).body["state"]).toBe("disabled");
  });

  test("signing out everywhere ends every session and no key", async () => {
    const world = await start();
    const one = callerOf(
      world.emulator,
      textAt((await login(world, D.relayEmail, D.relayPassword)).body, "auth_token"),
    );
    await one.send("POST", "/user/auth/invalidate-all/");
    expect((await one.get("/user/auth/check/")).status).toBe(401);
    expect((await world.api.get("/user/auth/check/")).status).toBe(200);
  });
});

describe("accounts of one's own", () => {
  test("a new account verifies its address before it may do anything", async () => {
    const world = await start();
    const fields = { email_address: "new@example.test", password: "long enough", tos_agree: "true", agent: "true" };
    expect((await world.api.post("/user/", { ...fields, tos_agree: "false" })).status).toBe(400);
    expect((await world.api.post("/user/email/", { email: fields.email_address })).body["available"]).toBe(true);
    expect((await world.api.post("/user/", fields)).status).toBe(200);
    const code = lastMail(world);
    expect((await world.api.post("/user/", fields)).status).toBe(400);
    expect((await world.api.post("/user/email/", { email: fields.email_address })).body["available"]).toBe(false);
    const token = textAt((await login(world, fields.email_address, fields.password)).body, "auth_token");
    const fresh = callerOf(world.emulator, token);
    expect(at((await fresh.get("/user/auth/check/")).body, "error", "code")).toBe(10587);
    const verify = (email_token: string) =>
      fresh.post("/user/email/validate/", { email: fields.email_address, email_token });
    expect((await verify("wrong")).status).toBe(400);
    expect((await verify(code)).status).toBe(200);
    expect((await fresh.get("/user/auth/check/")).status).toBe(200);
    expect((await fresh.get("/orgs/all/")).body["orgs"]).toEqual([]);
    for (const deniedStatus of [403, 401] as const) {
      world.emulator.setKnobs({ deniedStatus });
      const denied = await fresh.get(`/workspace/${D.workspaceId}/details/`);
      expect([denied.status, at(denied.body, "error", "code")]).toEqual([deniedStatus, 10545]);
    }
  });

  test("a forgotten password is set anew with the code of the mail", async () => {
    const world = await start();
    await world.api.post("/user/email/reset/", { email: "nobody@example.test" });
    expect(world.emulator.mails()).toEqual([]);
    await world.api.post("/user/email/reset/", { email: D.relayEmail });
    const code = lastMail(world);
    expect((await world.api.get(`/user/password/${code}/details/`)).status).toBe(200);
    const set = (password1: string, password2: string) =>
      world.api.post(`/user/password/${code}/`, { password1, password2 });
    expect((await set("brand-new-1", "brand-new-2")).status).toBe(400);
    expect((await set("brand-new-1", "brand-new-1")).status).toBe(200);
    expect((await login(world, D.relayEmail, "brand-new-1")).status).toBe(200);
    expect((await set("brand-new-1", "brand-new-1")).status).toBe(404);
  });
});

describe("API keys", () => {
  test("keys are made, listed without their secret, changed and revoked", async () => {
    const { emulator, api } = await start();
    const made = await api.post("/user/auth/key/", { memo: "ci", agent_name: "relay" });
    const [key, id] = [textAt(made.body, "api_key"), textAt(made.body, "id")];
    const list = await api.get("/user/auth/keys/");
    expect(list.body["results"]).toBe(2);
    expect(JSON.stringify(list.body)).not.toContain(key);
    await api.post(`/user/auth/key/${id}/`, { memo: "nightly" });
    expect(at((await api.get(`/user/auth/key/${id}/`)).body, "api_key", "memo")).toBe("nightly");
    expect((await api.delete(`/user/auth/key/${id}/`)).status).toBe(200);
    expect((await callerOf(emulator, key).get("/user/auth/check/")).status).toBe(401);
  });

  test("a key ends when it was told to", async () => {
    const { emulator, api } = await start();
    const expires = new Date(Date.now() + 60_000).toISOString().slice(0, 19).replace("T", " ");
    const key = textAt((await api.post("/user/auth/key/", { expires })).body, "api_key");
    expect((await callerOf(emulator, key).get("/user/auth/check/")).status).toBe(200);
    emulator.advance(61_000);
    expect((await callerOf(emulator, key).get("/user/auth/check/")).status).toBe(401);
  });

  test("a narrowed key reaches its workspace, to read only, and makes no wider key", async () => {
    const { emulator, api, ws } = await start();
    const scopes = JSON.stringify([`workspace:${D.workspaceId}:r`]);
    const key = callerOf(emulator, textAt((await api.post("/user/auth/key/", { scopes })).body, "api_key"));
    expect((await key.get(`${ws}/storage/root/list/`)).status).toBe(200);
    const write = await key.post(`${ws}/storage/root/createfolder/`, { name: "x" });
    expect([write.status, at(write.body, "error", "code")]).toEqual([403, 10560]);
    expect((await key.get(`/org/${D.orgId}/details/`)).status).toBe(403);
    expect(at((await key.post("/user/auth/key/", {})).body, "error", "code")).toBe(10768);
    expect((await api.post("/user/auth/key/", { scopes: '["everything"]' })).status).toBe(400);
    expect((await key.get("/auth/scopes/")).body["scopes"]).toEqual([`workspace:${D.workspaceId}:r`]);
  });
});

describe("OAuth with PKCE", () => {
  const verifier = randomBytes(32).toString("base64url");
  const query = {
    client_id: "fastio-cli",
    response_type: "code",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    state: "0123456789abcdef0123456789abcdef",
    redirect_uri: "http://localhost:19836/callback",
    response_format: "json",
  };
  const grant = { grant_type: "authorization_code", client_id: query.client_id, redirect_uri: query.redirect_uri };
  const begin = async ({ emulator }: Started) => {
    const answer = await fetch(`${emulator.apiUrl}/oauth/authorize/?${new URLSearchParams(query)}`);
    return textAt(await answer.json(), "auth_request_id");
  };
  const approve = async ({ emulator }: Started, id: string, password: string = D.relayPassword) => {
    const page = `${emulator.url}/connect?auth_request_id=${id}&display_code=true`;
    expect((await fetch(page)).status).toBe(200);
    const answer = await fetch(page, { method: "POST", body: new URLSearchParams({ email: D.relayEmail, password }) });
    return /<code>(\w+)<\/code>/.exec(await answer.text())?.[1] ?? "";
  };

  test("request, approval, code and verifier give raw tokens that refresh and revoke", async () => {
    const world = await start();
    const id = await begin(world);
    expect(await approve(world, id, "wrong")).toBe("");
    const code = await approve(world, id);
    const tokens = await world.api.post("/oauth/token/", {
      ...grant,
      code,
      code_verifier: verifier,
      device_name: "cli",
    });
    expect(tokens.body).toMatchObject({ token_type: "Bearer", expires_in: 3600, refresh_token: expect.any(String) });
    expect(tokens.body).not.toHaveProperty("result");
    const cli = callerOf(world.emulator, textAt(tokens.body, "access_token"));
    const sessions = await cli.get("/oauth/sessions/");
    expect(listAt(sessions.body, "sessions")).toMatchObject([{ device_name: "cli", current: true }]);
    const path = `/oauth/sessions/${textAt(sessions.body, "sessions", 0, "id")}/`;
    await cli.send("PATCH", path, { body: new URLSearchParams({ device_name: "laptop" }) });
    expect(at((await cli.get(path)).body, "session", "device_name")).toBe("laptop");
    const refresh = { grant_type: "refresh_token", client_id: query.client_id };
    const again = await world.api.post("/oauth/token/", {
      ...refresh,
      refresh_token: textAt(tokens.body, "refresh_token"),
    });
    const next = callerOf(world.emulator, textAt(again.body, "access_token"));
    expect([(await cli.get("/user/auth/check/")).status, (await next.get("/user/auth/check/")).status]).toEqual([
      401, 200,
    ]);
    await world.api.post("/oauth/revoke/", { token: textAt(tokens.body, "refresh_token") });
    expect((await next.get("/user/auth/check/")).status).toBe(401);
  });

  test.each([
    ["another verifier", { code_verifier: "x".repeat(43) }],
    ["another client", { client_id: "somebody" }],
    ["another redirect", { redirect_uri: "http://localhost:1/" }],
    ["another code", { code: "nope" }],
  ])("%s gets nothing, and the code is spent", async (_what, change) => {
    const world = await start();
    const fields = { ...grant, code: await approve(world, await begin(world)), code_verifier: verifier };
    const answer = await world.api.post("/oauth/token/", { ...fields, ...change });
    expect([answer.status, at(answer.body, "result")]).toEqual([400, false]);
    if (!("code" in change)) expect((await world.api.post("/oauth/token/", fields)).status).toBe(400);
  });

  test("a code lives five minutes, a request ten, and a plain challenge is refused", async () => {
    const world = await start();
    const code = await approve(world, await begin(world));
    world.emulator.advance(5 * 60_000);
    expect((await world.api.post("/oauth/token/", { ...grant, code, code_verifier: verifier })).status).toBe(400);
    const id = await begin(world);
    world.emulator.advance(10 * 60_000);
    expect((await fetch(`${world.emulator.url}/connect?auth_request_id=${id}`)).status).toBe(404);
    const plain = new URLSearchParams({ ...query, code_challenge_method: "plain" });
    expect((await world.api.get(`/oauth/authorize/?${plain}`)).status).toBe(400);
  });
});
