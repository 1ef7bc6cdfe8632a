import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { at, emulators } from "./client.ts";

const start = emulators();

describe("knobs", () => {
  test.each([
    ["E1", { result: true, id: D.relayUserId }, false],
    ["E2", { result: true, response: { id: D.relayUserId } }, false],
    ["E3", { result: "yes", response: { id: D.relayUserId } }, "no"],
  ] as const)("envelope %s holds success and failure", async (envelope, success, failure) => {
    const { api } = await start({ envelope });
    expect((await api.get("/user/auth/check/")).body).toMatchObject(success);
    expect((await api.get("/nowhere/")).body).toMatchObject({ result: failure, error: { code: 9992 } });
  });

  test("bad input answers 406 on a newer server, and codes may be text", async () => {
    const { api, ws } = await start({ validationStatus: 406, errorCodes: "string" });
    const answer = await api.post(`${ws}/create/share/`, {});
    expect([answer.status, at(answer.body, "error", "code")]).toEqual([406, "1605"]);
  });

  test("a listing may be a bare array", async () => {
    const { api, ws } = await start({ listStyle: "array" });
    expect((await api.get(`${ws}/storage/root/list/`)).body).toMatchObject({ nodes: [] });
  });

  test("a server of one dialect does not know the other", async () => {
    const { api: reference, ws } = await start({ dialects: "reference" });
    const { api: guide } = await start({ dialects: "guide" });
    const paths = ["/user/", `/org/${D.orgId}/workspaces/`];
    for (const path of paths) {
      expect(at((await reference.get(path)).body, "error", "code")).toBe(9992);
      expect((await guide.get(path)).status).toBe(200);
    }
    for (const path of ["/user/auth/check/", `/org/${D.orgId}/list/workspaces/`]) {
      expect((await reference.get(path)).status).toBe(200);
      expect((await guide.get(path)).status).toBe(404);
    }
    expect((await reference.post(`${ws}/share/create/`, { title: "x" })).status).toBe(404);
    expect((await guide.post(`${ws}/create/share/`, { title: "x" })).status).toBe(404);
    expect((await guide.get(`${ws}/storage/root/list/`)).status).toBe(200);
  });

  test("every answer tells the limit in both families of headers, and past it is 429", async () => {
    const { api } = await start({ rateLimit: 2, rateWindowMs: 60_000 });
    const first = await api.get("/user/auth/check/");
    expect(first.headers.get("x-ve-limit-avail")).toBe("1");
    expect(first.headers.get("x-rate-limit-max")).toBe("2");
    expect(Number(first.headers.get("x-ve-limit-expires"))).toBeGreaterThan(Date.now() / 1000);
    await api.get("/user/auth/check/");
    const third = await api.get("/user/auth/check/");
    expect([third.status, third.headers.get("x-rate-limit-available")]).toEqual([429, "0"]);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("the same seed gives the same ids", async () => {
    const [one, two] = [await start({ seed: "x" }), await start({ seed: "x" })];
    const file = { name: "a", content: "a" };
    expect((await one.emulator.dropFile(file)).nodeId).toBe((await two.emulator.dropFile(file)).nodeId);
  });

  test("a fault strikes the request it names", async () => {
    const { emulator, api, ws } = await start();
    emulator.addFault({ match: { method: "POST", path: "/create/share/" }, action: { kind: "drop", when: "after" } });
    const wish = { title: "Made anyway", intelligence: "false", custom_name: "relay-run-0001" };
    await expect(api.post(`${ws}/create/share/`, wish)).rejects.toThrow();
    expect(emulator.books().shares).toMatchObject([{ customName: "relay-run-0001" }]);
    expect((await api.post(`${ws}/create/share/`, wish)).status).toBe(409);
  });
});

describe("books", () => {
  test("they are served as JSON, count requests by route and hold no secrets", async () => {
    const { emulator, api, ws } = await start();
    const secret = "a-very-secret-secret";
    await api.json("POST", `${ws}/webhook/create/`, { url: "https://relay.example.com/", secret });
    const text = await (await fetch(`${emulator.url}/__books`)).text();
    expect(text).not.toContain(secret);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(emulator.books())));
    expect(emulator.books().requests).toEqual({ "POST /workspace/:ws/webhook/create/": 1 });
  });
});

test("a large file passes through disk, not memory", async () => {
  const { emulator, api, ws } = await start();
  const block = randomBytes(1_048_576);
  const megabytes = 128;
  const content = Readable.from(
    (function* () {
      for (let n = 0; n < megabytes; n += 1) yield block;
    })(),
  );
  const before = process.memoryUsage().rss;
  const { nodeId, size } = await emulator.dropFile({ name: "large.bin", content });
  expect(size).toBe(megabytes * 1_048_576);
  const answer = await api.raw(`${ws}/storage/${nodeId}/read/`, { headers: { authorization: `Bearer ${D.relayKey}` } });
  let read = 0;
  for await (const chunk of answer.body ?? []) read += chunk.length;
  expect(read).toBe(size);
  expect(process.memoryUsage().rss - before).toBeLessThan(96 * 1_048_576);
});
