import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { secretPrint } from "../../../handlers/take-delivery.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { type FastioEmulatorOptions, startFastioEmulator } from "../../../src/emulators/fastio/start.ts";
import { deliveries, operatorActions } from "../../../src/ledger/schema.ts";
import { SOON } from "../../support/soon.ts";
import { ADMIN, bearer, OPERATOR, openReceiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

const PUBLIC_URL = "https://relay.example.com/";
const { workspaceId, workspaceName, relayKey } = FASTIO_EMULATOR_DEFAULTS;

async function open(server: FastioEmulatorOptions = {}, settings: Readonly<Record<string, string>> = {}) {
  const fastio = await startFastioEmulator(server);
  onTestFinished(() => fastio.close());
  const receiver = await openReceiver({
    FASTIO_API_URL: fastio.apiUrl,
    FASTIO_API_KEY: relayKey,
    ...ROLE_TOKENS,
    PUBLIC_URL,
    CATCH_UP: "off",
    ...settings,
  });
  onTestFinished(receiver.close);
  const db = receiver.ledger.db;
  const get = async (path: string, token = VIEWER) => {
    const answer = await fetch(receiver.url + path, { headers: bearer(token) });
    return { status: answer.status, text: await answer.text() };
  };
  const send = async (path: string, form: Readonly<Record<string, string>> = {}, token = ADMIN) => {
    const answer = await fetch(receiver.url + path, {
      method: "POST",
      redirect: "manual",
      headers: bearer(token),
      body: path.startsWith("/api/") ? JSON.stringify(form) : new URLSearchParams(form),
    });
    return { status: answer.status, cache: answer.headers.get("cache-control"), text: await answer.text() };
  };
  const audit = () => db.select().from(operatorActions).orderBy(operatorActions.id);
  return { fastio, receiver, db, get, send, audit };
}

test("registered, rotated and deleted from the page: a secret is shown once, and who did it why is written down", async () => {
  const { fastio, get, send, audit } = await open();
  expect((await get("/webhooks")).text).toContain(workspaceName);
  const made = await send("/webhooks/register", { workspace: workspaceName, url: "", events: "", reason: "set-up" });
  expect(made).toMatchObject({ status: 200, cache: "no-store" });
  const [hook] = fastio.books().webhooks;
  expect(hook).toMatchObject({ workspaceId, url: `${PUBLIC_URL}webhooks/fastio` });
  const [, secret = ""] = /Its secret: <code>([^<]+)<\/code>/.exec(made.text) ?? [];
  expect(secret.length).toBeGreaterThan(16);

  const path = `${workspaceId}/${hook?.id}`;
  const listed = await get("/webhooks", ADMIN);
  expect(listed.text).toContain("this relay");
  expect(listed.text).toContain(`action="/webhooks/${path}/rotate"`);
  expect((await get("/webhooks")).text).not.toContain('<form method="post" action="/webhooks');
  expect(JSON.parse((await get("/api/webhooks")).text)).toMatchObject({
    unsupported: null,
    receiver: `${PUBLIC_URL}webhooks/fastio`,
    workspaces: [{ id: workspaceId, webhooks: [{ id: hook?.id, isOurs: true, enabled: true }] }],
  });
  expect(await send("/api/webhooks", { workspace: workspaceId })).toMatchObject({ status: 409 });

  const rotated = await send(`/api/webhooks/${path}/rotate`, { reason: "it leaked" });
  const told = JSON.parse(rotated.text) as { secret: string; print: string };
  expect(told).toMatchObject({ id: hook?.id, isKept: false, print: secretPrint(told.secret) });
  expect(told.secret).not.toBe(secret);
  expect((await send(`/webhooks/${path}/delete`, { reason: "done" })).status).toBe(303);
  expect(fastio.books().webhooks).toEqual([]);

  const lines = await audit();
  expect(lines.map(({ actor, action, target }) => [actor, action, target])).toEqual([
    ["admin", "webhook.register", workspaceId],
    ["admin", "webhook.register.done", workspaceId],
    ["admin", "webhook.rotate", hook?.id],
    ["admin", "webhook.rotate.done", hook?.id],
    ["admin", "webhook.delete", hook?.id],
    ["admin", "webhook.delete.done", hook?.id],
  ]);
  expect(lines[2]?.detail).toMatchObject({ reason: "it leaked", workspace: workspaceId });
  for (const one of [secret, told.secret]) {
    expect(JSON.stringify(lines)).not.toContain(one);
    for (const at of ["/webhooks", "/api/webhooks"]) expect((await get(at, ADMIN)).text).not.toContain(one);
  }
});

test("a password in PUBLIC_URL goes to Fast.io, and is told to nobody who looks", async () => {
  const { fastio, get, send, audit } = await open({}, { PUBLIC_URL: "https://proxy:a-password@relay.example" });
  expect(await send("/webhooks/register", { workspace: workspaceId, url: "" })).toMatchObject({ status: 200 });
  expect(fastio.books().webhooks).toMatchObject([{ url: "https://proxy:a-password@relay.example/webhooks/fastio" }]);
  const told = [JSON.stringify(await audit()), (await get("/api/webhooks")).text, (await get("/webhooks", ADMIN)).text];
  for (const text of told) {
    expect(text).toContain("https://relay.example/webhooks/fastio");
    expect(text).not.toContain("a-password");
  }
  expect(told[1]).toContain('"isOurs":true');
});

test("with a file for secrets a new one is kept there, taken at once, and shown nowhere", async () => {
  const folder = mkdtempSync(join(tmpdir(), "relay-webhook-page-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "secrets");
  const { receiver, db, get, send } = await open({}, { FASTIO_WEBHOOK_SECRETS_FILE: file });
  const url = `${receiver.url}/webhooks/fastio`;
  const made = await send("/webhooks/register", { workspace: workspaceId, url });
  const secret = readFileSync(file, "utf8").trim();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(made.text).toContain(secretPrint(secret));
  expect(made.text).not.toContain(secret);
  const list = JSON.parse((await get("/api/webhooks")).text) as { workspaces: { webhooks: { id: string }[] }[] };
  const id = list.workspaces[0]?.webhooks[0]?.id;

  expect((await send(`/webhooks/${workspaceId}/${id}/test`, {}, OPERATOR)).status).toBe(303);
  await vi.waitFor(async () => {
    expect(await db.select().from(deliveries)).toMatchObject([
      { verdict: "ignored", secretPrint: secretPrint(secret) },
    ]);
  }, SOON);
  await send(`/api/webhooks/${workspaceId}/${id}/rotate`);
  expect(readFileSync(file, "utf8").trim().split(",")[1]).toBe(secret);
});

test("a server without webhooks is told in words, with what finds the files instead", async () => {
  const { get, send } = await open({ hiddenRoutes: ["/webhook/", "/outbound_webhook_subscriptions/"] });
  const page = await get("/webhooks", ADMIN);
  expect(page.status).toBe(200);
  expect(page.text).toContain("offers no webhooks");
  expect(page.text).toContain("catch-up");
  expect(page.text).not.toContain('action="/webhooks/register"');
  expect(JSON.parse((await get("/api/webhooks")).text)).toMatchObject({ unsupported: { why: expect.any(String) } });
  const refused = await send("/api/webhooks", { workspace: workspaceId });
  expect(refused).toMatchObject({ status: 502, text: expect.stringContaining("catch-up") });
});

test("what needs a role is refused without it, and what Fast.io refuses is told and written down", async () => {
  const { fastio, get, send, audit } = await open();
  const path = `${workspaceId}/hook-1`;
  for (const base of ["/webhooks", "/api/webhooks"]) {
    for (const action of ["rotate", "delete"]) {
      expect((await send(`${base}/${path}/${action}`, {}, OPERATOR)).status).toBe(403);
    }
    expect((await send(`${base}/${path}/test`, {}, VIEWER)).status).toBe(403);
  }
  expect((await send("/webhooks/register", { workspace: workspaceId }, OPERATOR)).status).toBe(403);
  expect(await audit()).toEqual([]);

  expect((await send("/api/webhooks", { workspace: "Nowhere" })).status).toBe(404);
  expect((await send("/api/webhooks", { workspace: workspaceId, url: "javascript:alert(1)" })).status).toBe(400);
  expect((await send("/webhooks/register", { workspace: "", url: "" })).status).toBe(400);
  expect((await send(`/api/webhooks/${path}/rotate`)).status).toBe(404);
  expect((await audit()).map(({ action }) => action)).toEqual(["webhook.rotate", "webhook.rotate.failed"]);
  fastio.addFault({ match: { path: "/webhook/" }, times: 0, action: { kind: "status", status: 503 } });
  expect(await send(`/api/webhooks/${path}/test`, { reason: "<b>" })).toMatchObject({ status: 503 });
  // One workspace that cannot be asked does not hide the others.
  expect(await get("/webhooks")).toMatchObject({
    status: 200,
    text: expect.stringContaining("They cannot be asked for"),
  });
});
