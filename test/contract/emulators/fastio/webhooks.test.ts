import { createHmac } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { SOON } from "../../../support/soon.ts";
import { at, emulators, listAt, textAt } from "./client.ts";
import { type Received, receivers } from "./receiver.ts";

const start = emulators();
const receive = receivers();
const jsonOf = (delivery: Received | undefined): unknown => JSON.parse(String(delivery?.body));
const header = (delivery: Received | undefined, name: string): string => delivery?.headers[name] ?? "";
const macOf = (key: string | Buffer, signed: string, body: Buffer | undefined) =>
  createHmac("sha256", key)
    .update(signed)
    .update(body ?? Buffer.alloc(0))
    .digest();

/** Recomputes a D1 signature the way a receiver would. */
function isSignedD1(delivery: Received | undefined, secret: string): boolean {
  const [, time = "", signature] = /^t=(\d+),v1=(.+)$/.exec(header(delivery, "fastio-signature")) ?? [];
  return signature === macOf(secret, `${time}.`, delivery?.body).toString("base64");
}

describe("registering", () => {
  test("a webhook tells its secret at creation and rotation only", async () => {
    const { api, ws } = await start();
    const made = await api.json("POST", `${ws}/webhook/create/`, { url: "https://relay.example.com/in" });
    const id = textAt(made.body, "webhook", "id");
    const secret = textAt(made.body, "webhook", "secret");
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    const list = await api.get(`${ws}/webhook/list/`);
    const details = await api.get(`${ws}/webhook/${id}/details/`);
    for (const answer of [list, details]) expect(JSON.stringify(answer.body)).not.toContain(secret);
    const rotated = await api.post(`${ws}/webhook/${id}/rotate_secret/`);
    expect(textAt(rotated.body, "webhook", "secret")).not.toBe(secret);
    await api.post(`${ws}/webhook/${id}/update/`, { enabled: "false" });
    expect(at((await api.get(`${ws}/webhook/${id}/details/`)).body, "webhook", "enabled")).toBe(false);
    expect((await api.delete(`${ws}/webhook/${id}/delete/`)).status).toBe(200);
    expect(listAt((await api.get(`${ws}/webhook/list/`)).body, "webhooks")).toEqual([]);
  });

  test("the workflow subscriptions are the same webhooks under another name", async () => {
    const { emulator, api, ws } = await start();
    const made = await api.post(`${ws}/outbound_webhook_subscriptions/`, {
      target_url: "https://relay.example.com/in",
      event_type_subscriptions: '["workspace_storage_file_added"]',
    });
    const id = textAt(made.body, "outbound_webhook_subscription", "id");
    expect(textAt(made.body, "outbound_webhook_subscription", "secret")).not.toBe("undefined");
    const changed = await api.send("PATCH", `/outbound_webhook_subscriptions/${id}/`, {
      body: new URLSearchParams({ enabled: "false" }),
    });
    expect(at(changed.body, "outbound_webhook_subscription", "enabled")).toBe(false);
    expect(emulator.books().webhooks).toMatchObject([{ id, events: ["workspace_storage_file_added"] }]);
  });

  const target = { target_url: "https://relay.example.com/in" };
  test.each([
    ["no target", { event_type_subscriptions: "[]" }, "target_url"],
    ["the guide's name of the target", { url: target.target_url, event_type_subscriptions: "[]" }, "target_url"],
    ["no events", target, "event_type_subscriptions"],
    ["events that are no JSON list", { ...target, event_type_subscriptions: "file.added" }, "event_type_subscriptions"],
  ])("a subscription with %s is refused by name", async (_what, fields, name) => {
    const { api, ws } = await start();
    const { status, body } = await api.post(`${ws}/outbound_webhook_subscriptions/`, fields);
    expect([status, at(body, "error", "params", 0, "name")]).toEqual([400, name]);
  });

  test("a subscription is a form", async () => {
    const { api, ws } = await start();
    const wish = { ...target, event_type_subscriptions: ["workspace_storage_file_added"] };
    expect((await api.json("POST", `${ws}/outbound_webhook_subscriptions/`, wish)).status).toBe(400);
  });

  test.each([
    "ftp://example.com/",
    "http://example.com/",
    "https://10.0.0.1/",
    "https://192.168.1.1/",
    "https://[fd00::1]/",
    "nonsense",
  ])("the target %s is refused", async (url) => {
    const { api, ws } = await start();
    expect((await api.json("POST", `${ws}/webhook/create/`, { url })).status).toBe(400);
  });
});

describe("delivering", () => {
  const register = async (
    { api, ws }: Awaited<ReturnType<typeof start>>,
    url: string,
    wish: Readonly<Record<string, unknown>> = {},
  ): Promise<string> => {
    const made = await api.json("POST", `${ws}/webhook/create/`, { url, ...wish });
    return textAt(made.body, "webhook", "secret");
  };

  test("an event arrives as signed JSON that names the event and its object", async () => {
    const world = await start();
    const { url, received } = await receive();
    const secret = await register(world, url);
    const { nodeId } = await world.emulator.dropFile({ name: "a.txt", content: "a" });
    await vi.waitFor(() => expect(world.emulator.books().deliveries[0]?.settled).toBe("delivered"), SOON);
    const [delivery] = received;
    expect(isSignedD1(delivery, secret)).toBe(true);
    expect(jsonOf(delivery)).toEqual({
      event_id: world.emulator.books().deliveries[0]?.eventId,
      event: "workspace_storage_file_added",
      created: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/),
      workspace_id: D.workspaceId,
      object_id: nodeId,
    });
    expect(header(delivery, "content-type")).toBe("application/json");
    expect(header(delivery, "x-fastio-event")).toBe("workspace_storage_file_added");
    expect(header(delivery, "x-fastio-attempt")).toBe("1");
    expect(header(delivery, "x-fastio-delivery")).toBe(world.emulator.books().deliveries[0]?.id);
    const age = Date.now() / 1000 - Number(/^t=(\d+)/.exec(header(delivery, "fastio-signature"))?.[1]);
    expect(Math.abs(age)).toBeLessThan(60);
  });

  test.each([
    ["D2", "literal"],
    ["D3", "literal"],
    ["D3", "decoded"],
  ])("scheme %s with a %s key is signed as its receiver expects", async (scheme, keyForm) => {
    const world = await start();
    const { url, received } = await receive();
    const secret = await register(world, url, { scheme, key_form: keyForm });
    await world.emulator.dropFile({ name: "a.txt", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    const key = keyForm === "decoded" ? Buffer.from(secret.slice("whsec_".length), "base64") : secret;
    const mac = macOf(key, `${header(received[0], "x-fastio-timestamp")}.`, received[0]?.body);
    expect(header(received[0], "x-fastio-signature")).toBe(`sha256=${mac.toString("hex")}`);
  });

  test.each([
    ["P1", { event: "file.uploaded", workspace_id: D.workspaceId }],
    ["P3", { eventType: "upload", fileName: "a.txt", fileSize: 1, userId: D.personUserId }],
    ["P12", { events: [{ event: "workspace_storage_file_added" }, { event: "workspace_storage_file_added" }] }],
  ])("shape %s has its own fields", async (shape, fields) => {
    const world = await start();
    const { url, received } = await receive();
    await register(world, url, { shape });
    await world.emulator.dropFile({ name: "a.txt", content: "a" });
    await world.emulator.dropFile({ name: "b.txt", content: "b" });
    await vi.waitFor(() => expect(jsonOf(received[0])).toMatchObject(fields), SOON);
  });

  test("only wanted events arrive, whichever way they are spelled", async () => {
    const world = await start();
    const { url, received } = await receive();
    await register(world, url, { events: ["file.modified"] });
    await world.emulator.dropFile({ name: "a.txt", content: "1" });
    await world.emulator.dropFile({ name: "a.txt", content: "2" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    expect(jsonOf(received[0])).toMatchObject({ event: "workspace_storage_file_updated" });
  });

  test("a refused delivery is tried again under the same id, later and newly signed", async () => {
    const world = await start({ timeScale: 200 });
    const { url, received } = await receive((ordinal) => (ordinal < 3 ? 503 : 200));
    const secret = await register(world, url);
    await world.emulator.dropFile({ name: "a.txt", content: "a" });
    await vi.waitFor(() => expect(world.emulator.books().deliveries[0]?.settled).toBe("delivered"), SOON);
    expect(received.map((one) => header(one, "x-fastio-attempt"))).toEqual(["1", "2", "3"]);
    expect(new Set(received.map((one) => header(one, "x-fastio-delivery"))).size).toBe(1);
    expect(new Set(received.map((one) => String(one.body))).size).toBe(1);
    expect(received.every((one) => isSignedD1(one, secret))).toBe(true);
    expect(world.emulator.books().deliveries[0]?.attempts.map((one) => one.status)).toEqual([503, 503, 200]);
  });

  test("a receiver that is too slow gets the delivery again", async () => {
    const world = await start({ timeScale: 1_000, deliveryTimeoutMs: 150 });
    const { url, received } = await receive((ordinal) => (ordinal === 1 ? undefined : 200));
    await register(world, url);
    await world.emulator.dropFile({ name: "a.txt", content: "a" });
    await vi.waitFor(() => expect(world.emulator.books().deliveries[0]?.settled).toBe("delivered"), SOON);
    expect(world.emulator.books().deliveries[0]?.attempts).toMatchObject([
      { status: null, error: "TimeoutError" },
      { status: 200 },
    ]);
    expect(new Set(received.map((one) => header(one, "x-fastio-delivery"))).size).toBe(1);
  });

  test("nobody answering counts as a failure, and the last attempt gives up", async () => {
    const world = await start({ timeScale: 1_000_000 });
    await register(world, "http://127.0.0.1:9/none");
    await world.emulator.dropFile({ name: "a.txt", content: "a" });
    await vi.waitFor(() => expect(world.emulator.books().deliveries[0]?.settled).toBe("gave_up"), SOON);
    const attempts = world.emulator.books().deliveries[0]?.attempts ?? [];
    expect(attempts).toHaveLength(9);
    expect(attempts[0]).toMatchObject({ status: null, error: "ECONNREFUSED" });
  });

  test("a deleted webhook gets no more attempts", async () => {
    const world = await start({ timeScale: 20 });
    const { url, received } = await receive(() => 500);
    await register(world, url);
    await world.emulator.dropFile({ name: "a.txt", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    const id = world.emulator.books().webhooks[0]?.id;
    await world.api.delete(`${world.ws}/webhook/${id}/delete/`);
    await vi.waitFor(() => expect(world.emulator.books().deliveries[0]?.settled).toBe("cancelled"), SOON);
    expect(received).toHaveLength(1);
  });

  test("a test event goes to its webhook whatever it subscribed to", async () => {
    const world = await start();
    const { url, received } = await receive();
    await register(world, url, { events: ["share_created"] });
    const id = world.emulator.books().webhooks[0]?.id;
    await world.api.post(`${world.ws}/webhook/${id}/test/`);
    await vi.waitFor(() => expect(jsonOf(received[0])).toMatchObject({ event: "webhook.test" }), SOON);
  });
});

describe("what a subscription may send", () => {
  const subscribe = ({ api, ws }: Awaited<ReturnType<typeof start>>, fields: Readonly<Record<string, string>>) =>
    api.post(`${ws}/outbound_webhook_subscriptions/`, { event_type_subscriptions: "[]", ...fields });

  test("as many deliveries as the hourly cap lets pass do not wait for one another's hour", async () => {
    const world = await start();
    const { url, received } = await receive();
    await subscribe(world, { target_url: url, rate_limit_per_hour: "2" });
    for (const name of ["a", "b", "c"]) await world.emulator.dropFile({ name, content: "x" });
    const settled = () => world.emulator.books().deliveries.filter((one) => one.settled === "delivered");
    await vi.waitFor(() => expect(settled()).toHaveLength(2), SOON);
    expect(received).toHaveLength(2);
  });

  test("deliveries above the hourly cap wait for the next hour, in order", async () => {
    const world = await start({ timeScale: 900 });
    const { url, received } = await receive();
    const made = await subscribe(world, { target_url: url, rate_limit_per_hour: "2" });
    expect(at(made.body, "outbound_webhook_subscription", "rate_limit_per_hour")).toBe(2);
    const dropped: string[] = [];
    for (let n = 0; n < 5; n += 1) dropped.push((await world.emulator.dropFile({ name: `${n}`, content: "x" })).nodeId);
    await vi.waitFor(() => expect(received).toHaveLength(5), SOON);
    // An attempt is in the books once it was answered, a little after it was received.
    const settled = () => world.emulator.books().deliveries.map((one) => one.settled);
    await vi.waitFor(() => expect(settled()).toEqual(Array(5).fill("delivered")), SOON);
    const times = world.emulator.books().deliveries.map((one) => one.attempts[0]?.atMs ?? 0);
    const [first = 0, , third = 0, fourth = 0, fifth = 0] = times;
    // An hour is four seconds at this scale, counted from when a delivery is due, not from when it is sent.
    expect(third - first).toBeGreaterThanOrEqual(3_000);
    expect(fifth - third).toBeGreaterThanOrEqual(3_000);
    expect(fourth).toBeGreaterThanOrEqual(third);
    expect(
      received
        .slice(0, 2)
        .map((one) => at(jsonOf(one), "object_id"))
        .sort(),
    ).toEqual(dropped.slice(0, 2).sort());
  });

  test("hosts outside the allowed families are refused, and blocked when the list changes later", async () => {
    const world = await start();
    const { url, received } = await receive();
    const refused = await subscribe(world, { target_url: url, family_allowlist: '["cdn.example.com"]' });
    expect(refused.status).toBe(400);
    const made = await subscribe(world, { target_url: url, family_allowlist: '["127.0.0.1"]' });
    await world.emulator.dropFile({ name: "a", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    const id = textAt(made.body, "outbound_webhook_subscription", "id");
    await world.api.send("PATCH", `/outbound_webhook_subscriptions/${id}/`, {
      body: new URLSearchParams({ family_allowlist: '["example.com"]' }),
    });
    await world.emulator.dropFile({ name: "b", content: "b" });
    await vi.waitFor(
      () => expect(world.emulator.books().deliveries.map((one) => one.settled)).toContain("blocked"),
      SOON,
    );
    expect(received).toHaveLength(1);
  });

  test("webhooks that say nothing about it use the server's scheme and shape", async () => {
    const world = await start({ webhookScheme: "D2", webhookShape: "P1" });
    const { url, received } = await receive();
    await subscribe(world, { target_url: url });
    await world.emulator.dropFile({ name: "a", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    expect(header(received[0], "x-fastio-signature")).toMatch(/^sha256=/);
    expect(jsonOf(received[0])).toMatchObject({ event: "file.uploaded" });
  });
});

describe("deliveries that go wrong on purpose", () => {
  const prepare = async (options: Parameters<typeof start>[0] = {}) => {
    const world = await start(options);
    const { url, received } = await receive();
    const made = await world.api.json("POST", `${world.ws}/webhook/create/`, { url });
    return { ...world, received, secret: textAt(made.body, "webhook", "secret") };
  };

  test("a duplicate repeats the delivery, with new delivery ids when asked", async () => {
    const { emulator, received } = await prepare();
    emulator.addFault({ action: { kind: "webhook_duplicate", copies: 2 } });
    emulator.addFault({ skip: 1, action: { kind: "webhook_duplicate", copies: 1, newIds: true } });
    await emulator.dropFile({ name: "a", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(3), SOON);
    expect(new Set(received.map((one) => header(one, "x-fastio-delivery"))).size).toBe(1);
    await emulator.dropFile({ name: "b", content: "b" });
    await vi.waitFor(() => expect(received).toHaveLength(5), SOON);
    const copies = received.slice(3);
    expect(new Set(copies.map((one) => header(one, "x-fastio-delivery"))).size).toBe(2);
    expect(new Set(copies.map((one) => at(jsonOf(one), "event_id"))).size).toBe(1);
  });

  test("a dropped delivery never leaves", async () => {
    const { emulator, received } = await prepare();
    emulator.addFault({ action: { kind: "webhook_drop" } });
    await emulator.dropFile({ name: "lost", content: "a" });
    const kept = await emulator.dropFile({ name: "kept", content: "b" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    expect(jsonOf(received[0])).toMatchObject({ object_id: kept.nodeId });
    expect(emulator.books().deliveries.map((one) => one.settled)).toContain("dropped");
  });

  test("a held-back delivery arrives after the next one", async () => {
    const { emulator, received } = await prepare();
    emulator.addFault({ action: { kind: "webhook_reorder", ms: 5_000 } });
    const first = await emulator.dropFile({ name: "first", content: "a" });
    const second = await emulator.dropFile({ name: "second", content: "b" });
    await vi.waitFor(() => expect(received).toHaveLength(2), SOON);
    expect(received.map((one) => at(jsonOf(one), "object_id"))).toEqual([second.nodeId, first.nodeId]);
  });

  test("a wrong signature and a stale time spoil the first attempt", async () => {
    const { emulator, received, secret } = await prepare();
    emulator.addFault({ action: { kind: "webhook_wrong_signature" } });
    await emulator.dropFile({ name: "a", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    expect(isSignedD1(received[0], secret)).toBe(false);
    emulator.addFault({ action: { kind: "webhook_stale", seconds: 301 } });
    await emulator.dropFile({ name: "b", content: "b" });
    await vi.waitFor(() => expect(received).toHaveLength(2), SOON);
    expect(isSignedD1(received[1], secret)).toBe(true);
    const signedAt = Number(/^t=(\d+)/.exec(header(received[1], "fastio-signature"))?.[1]);
    expect(Date.now() / 1000 - signedAt).toBeGreaterThanOrEqual(300);
  });

  test("after a rotation the old secret may still sign, or both together", async () => {
    const { emulator, api, ws, received, secret } = await prepare();
    const id = emulator.books().webhooks[0]?.id;
    const rotated = await api.post(`${ws}/webhook/${id}/rotate_secret/`);
    const fresh = textAt(rotated.body, "webhook", "secret");
    emulator.addFault({ action: { kind: "webhook_old_secret" } });
    await emulator.dropFile({ name: "a", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    expect([isSignedD1(received[0], secret), isSignedD1(received[0], fresh)]).toEqual([true, false]);
    emulator.addFault({ action: { kind: "webhook_two_secrets" } });
    await emulator.dropFile({ name: "b", content: "b" });
    await vi.waitFor(() => expect(received).toHaveLength(2), SOON);
    const [, time, one, two] = /^t=(\d+),v1=([^,]+),v1=([^,]+)$/.exec(header(received[1], "fastio-signature")) ?? [];
    expect([one, two]).toEqual(
      [fresh, secret].map((key) => macOf(key, `${time}.`, received[1]?.body).toString("base64")),
    );
    await emulator.dropFile({ name: "c", content: "c" });
    await vi.waitFor(() => expect(received).toHaveLength(3), SOON);
    expect(isSignedD1(received[2], fresh)).toBe(true);
  });

  test("a slow body arrives whole", async () => {
    const { emulator, received, secret } = await prepare();
    emulator.addFault({ action: { kind: "webhook_slow_body", ms: 100 } });
    await emulator.dropFile({ name: "a", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    expect(isSignedD1(received[0], secret)).toBe(true);
  });

  test("a delivery is replayed under the same id", async () => {
    const { emulator, received } = await prepare();
    await emulator.dropFile({ name: "a", content: "a" });
    await vi.waitFor(() => expect(received).toHaveLength(1), SOON);
    expect(emulator.replay(header(received[0], "x-fastio-delivery"))).toBe(true);
    await vi.waitFor(() => expect(received).toHaveLength(2), SOON);
    expect(header(received[1], "x-fastio-delivery")).toBe(header(received[0], "x-fastio-delivery"));
    expect(emulator.replay("nothing")).toBe(false);
  });

  test("faults come over the wire too, and a misspelled one is refused", async () => {
    const { emulator } = await prepare();
    const post = (value: unknown) =>
      fetch(`${emulator.url}/__faults`, {
        method: "POST",
        body: JSON.stringify(value),
        headers: { "content-type": "application/json" },
      });
    expect((await post({ action: { kind: "webhook_delay", ms: 1 }, match: { probability: 0.5 } })).status).toBe(201);
    expect((await post({ action: { kind: "webhook_vanish" } })).status).toBe(400);
  });
});
