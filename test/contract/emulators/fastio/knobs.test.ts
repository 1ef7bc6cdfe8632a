import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { openCollector } from "../../../../src/runtime/collect-garbage.ts";
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

  test("a fourth envelope has a status beside the result", async () => {
    const { api } = await start({ envelope: "E4" });
    expect((await api.get("/user/auth/check/")).body).toMatchObject({ result: true, status: "ok", id: D.relayUserId });
  });

  test("numbers may be those of single places, and 406 may come flat", async () => {
    const { emulator, api, ws } = await start({ errorNumbers: "site", validationStatus: 406 });
    const missing = await api.post(`${ws}/create/share/`, {});
    expect(at(missing.body, "error")).toMatchObject({ code: 10571, resource: "POST Workspace [param] Create Share" });
    const gone = await api.get("/workspace/999/details/");
    const code = Number(at(gone.body, "error", "code"));
    expect(code >= 100_000 && code < 200_000).toBe(true);
    expect(at((await api.get("/workspace/998/details/")).body, "error", "code")).toBe(code);
    emulator.setKnobs({ flatErrors: "406", errorNumbers: "class" });
    const flat = await api.post(`${ws}/create/share/`, {});
    expect(flat.body).toMatchObject({ result: false, error_message: expect.any(String), error_id: 1605 });
    expect(flat.body).not.toHaveProperty("error");
  });

  test.each([
    ["files", ["files", 0, "name"]],
    ["items", ["items", 0, "name"]],
    ["results", ["results", 0, "name"]],
  ] as const)("a listing may be called %s", async (listStyle, path) => {
    const { emulator, api, ws } = await start({ listStyle });
    await emulator.dropFile({ name: "a.txt", content: "a" });
    expect(at((await api.get(`${ws}/storage/root/list/`)).body, ...path)).toBe("a.txt");
  });

  test("a listing may be a map by id", async () => {
    const { emulator, api, ws } = await start({ listStyle: "map" });
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    expect(at((await api.get(`${ws}/storage/root/list/`)).body, "files", nodeId, "name")).toBe("a.txt");
  });

  test.each([
    ["modern", "epoch", { "x-ve-limit-expires": /^\d+$/, "x-rate-limit-expiry": null }],
    ["legacy", "datetime", { "x-ve-limit-expires": null, "x-rate-limit-expiry": / UTC$/ }],
    ["both", "absent", { "x-ve-limit-expires": null, "x-rate-limit-expiry": null }],
  ] as const)("limits may be told in %s headers with %s reset", async (rateHeaders, rateReset, wanted) => {
    const { api } = await start({ rateHeaders, rateReset });
    const { headers } = await api.get("/ping/");
    for (const [name, value] of Object.entries(wanted)) {
      if (value === null) expect(headers.get(name)).toBeNull();
      else expect(headers.get(name)).toMatch(value);
    }
    expect(headers.get("x-ve-limit-avail") === null).toBe(rateHeaders === "legacy");
  });

  test("event search has a limit of its own when published limits count", async () => {
    const { emulator, api } = await start({ buckets: "published" });
    const search = () => api.get(`/events/search/?workspace_id=${D.workspaceId}`);
    for (let n = 0; n < 5; n += 1) expect((await search()).status).toBe(200);
    const sixth = await search();
    expect([sixth.status, at(sixth.body, "error", "code")]).toEqual([429, 1671]);
    expect(Number(sixth.headers.get("retry-after"))).toBeLessThanOrEqual(3);
    expect((await api.get("/user/auth/check/")).status).toBe(200);
    emulator.advance(3_000);
    expect((await search()).status).toBe(200);
  });

  test("hidden routes are unknown, the others stay", async () => {
    const { api, ws } = await start({ hiddenRoutes: ["/webhook/", "/outbound_webhook", "/events/changes/"] });
    expect(at((await api.get(`${ws}/webhook/list/`)).body, "error", "code")).toBe(9992);
    expect((await api.get(`/org/${D.orgId}/events/changes/`)).status).toBe(404);
    expect((await api.get(`${ws}/details/`)).status).toBe(200);
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

describe("detail levels", () => {
  test("terse and standard leave fields out, full is the default, and two levels are refused", async () => {
    const { emulator, api, ws } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    const details = async (output: string) =>
      at((await api.get(`${ws}/storage/${nodeId}/details/?output=${output}`)).body, "node");
    const terse = await details("terse");
    expect(Object.keys(Object(terse)).sort()).toEqual(
      ["id", "mimetype", "name", "parent", "previews", "size", "type", "modified"].sort(),
    );
    expect(at(terse, "previews")).toEqual({ thumbnail: { ready: false } });
    const standard = await details("standard,unknown");
    expect(at(standard, "ai")).toEqual({ state: "ready" });
    expect(standard).not.toHaveProperty("hash");
    expect(await details("full")).toHaveProperty("hash");
    expect((await api.get(`${ws}/details/?output=terse,full`)).status).toBe(400);
    const list = await api.get(`${ws}/storage/root/list/?output=terse`);
    expect(at(list.body, "nodes", "items", 0)).not.toHaveProperty("hash");
    expect(at((await api.get(`${ws}/details/?output=terse`)).body, "workspace")).toEqual({
      id: D.workspaceId,
      name: D.workspaceName,
      folder_name: D.workspaceFolderName,
      org_domain: D.orgDomain,
      user_status: "joined",
    });
  });

  test("markdown begins with the result and has a heading for each key", async () => {
    const { api, ws } = await start();
    const headers = { authorization: `Bearer ${D.relayKey}` };
    const answer = await api.raw(`${ws}/details/?output=terse,markdown`, { headers });
    expect(answer.headers.get("content-type")).toBe("text/markdown; charset=UTF-8");
    expect(await answer.text()).toMatch(
      /^\*\*Result:\*\* success\n\n# workspace\n\n- \*\*id:\*\* 3117763504443666597\n/,
    );
  });
});

describe("control plane", () => {
  const control = async (url: string, path: string, value?: unknown) => {
    const answer = await fetch(url + path, {
      method: value === undefined && !path.startsWith("/__reset") && !path.includes("?") ? "GET" : "POST",
      ...(value === undefined ? {} : { body: JSON.stringify(value) }),
    });
    return { status: answer.status, body: (await answer.json()) as unknown };
  };

  test("knobs are read and turned over the wire, unknown and mistyped ones refused", async () => {
    const { emulator, api } = await start();
    expect((await control(emulator.url, "/__knobs", { envelope: "E3" })).status).toBe(200);
    expect((await api.get("/ping/")).body["result"]).toBe("yes");
    expect((await control(emulator.url, "/__knobs")).body).toMatchObject({ envelope: "E3" });
    expect((await control(emulator.url, "/__knobs", { envelop: "E3" })).status).toBe(400);
    expect((await control(emulator.url, "/__knobs", { latencyMs: "5" })).status).toBe(400);
  });

  test("files are dropped, the clock moves on, and a reset forgets it all", async () => {
    const { emulator, api, ws } = await start({ seed: "x" });
    const dropped = await control(emulator.url, "/__drop", { name: "a.txt", content: "a", folder: "in" });
    expect(emulator.books().files).toMatchObject([{ path: "/in/a.txt", id: at(dropped.body, "nodeId") }]);
    expect((await control(emulator.url, "/__drop", { name: "a.txt" })).status).toBe(400);
    await control(emulator.url, "/__clock/advance?ms=86400000");
    const ahead = Date.parse(`${String((await api.get("/ping/")).body["server_date"]).replace(" UTC", "Z")}`);
    expect(ahead - Date.now()).toBeGreaterThan(86_000_000);
    expect((await control(emulator.url, "/__reset")).status).toBe(200);
    expect(emulator.books().files).toEqual([]);
    expect((await api.get(`${ws}/storage/root/list/`)).status).toBe(200);
    expect((await control(emulator.url, "/__ai", { state: "lost" })).status).toBe(200);
    expect((await control(emulator.url, "/__ai", { state: "sad" })).status).toBe(400);
    expect((await control(emulator.url, "/__mails")).body).toEqual([]);
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
  // What is held when all garbage is collected: when V8 does that by itself depends on what else the machine does.
  const collect = openCollector();
  const heldNow = (): number => {
    collect?.("all");
    return process.memoryUsage().arrayBuffers;
  };
  const held: number[] = [];
  const content = Readable.from(
    (function* () {
      for (let n = 0; n < megabytes; n += 1) {
        if (n % 32 === 31) held.push(heldNow());
        yield Buffer.from(block);
      }
    })(),
  );
  const before = heldNow();
  const { nodeId, size } = await emulator.dropFile({ name: "large.bin", content });
  expect(size).toBe(megabytes * 1_048_576);
  const answer = await api.raw(`${ws}/storage/${nodeId}/read/`, { headers: { authorization: `Bearer ${D.relayKey}` } });
  let read = 0;
  for await (const chunk of answer.body ?? []) {
    if (Math.floor((4 * read) / size) < Math.floor((4 * (read + chunk.length)) / size)) held.push(heldNow());
    read += chunk.length;
  }
  expect(read).toBe(size);
  expect(held).toHaveLength(8);
  expect(Math.max(...held) - before).toBeLessThan(32 * 1_048_576);
});
