import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_OPERATIONS } from "../../../src/routes/api/operations.ts";
import { ADMIN, asking, bearer, openReceiver, type Receiver, ROLE_TOKENS } from "./open-receiver.ts";

const BROWSER = { accept: "text/html,*/*;q=0.8" };
let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());
const { get } = asking(() => receiver);
const ask = (method: string, path: string, headers = bearer(ADMIN)): Promise<Response> =>
  fetch(receiver.url + path, { method, headers, redirect: "manual" });

describe("a path asked by a method it does not take", () => {
  test.each([
    ["POST", "/", "GET, HEAD"],
    ["DELETE", "/runs/r1", "GET, HEAD"],
    ["GET", "/runs/r1/replay", "POST"],
    ["GET", "/logout", "POST"],
    ["PUT", "/login", "GET, HEAD, POST"],
    ["POST", "/queues", "GET, HEAD"],
    ["POST", "/assets/relay.css", "GET, HEAD"],
    ["POST", "/healthz", "GET, HEAD"],
    ["PUT", "/readyz", "GET, HEAD"],
    ["DELETE", "/metrics", "GET, HEAD"],
    ["POST", "/tools/openapi.json", "GET, HEAD"],
    ["GET", "/mcp", "POST"],
    ["GET", "/webhooks/fastio", "POST"],
    ["GET", "/webhooks/edge", "POST"],
  ])("%s %s: 405, and %s is what is allowed", async (method, path, allowed) => {
    const answer = await ask(method, path);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allowed]);
    expect(JSON.stringify(await answer.json())).toMatch(/GET|POST/);
  });

  test("is told from one where nothing of that name is", async () => {
    const answer = await ask("GET", "/queues/static/nothing.js");
    expect([answer.status, answer.headers.get("allow")]).toEqual([404, null]);
  });

  test("says the same of every operation of the API, to whoever asks, and OPTIONS has it without a body", async () => {
    const allowedOf = new Map<string, Set<string>>();
    for (const { path, method } of API_OPERATIONS) {
      const methods = allowedOf.get(path) ?? new Set();
      for (const name of method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]) methods.add(name);
      allowedOf.set(path, methods);
    }
    for (const [template, allowed] of allowedOf) {
      const path = template.replaceAll(/\{\w+\}/g, "something1");
      // /api/runs/bulk looks as if it named a run, too.
      const all = expect.arrayContaining([...allowed]);
      const wrong = await ask("PROPFIND", path, {});
      expect([path, wrong.status, wrong.headers.get("allow")?.split(", ")]).toEqual([path, 405, all]);
      const options = await ask("OPTIONS", path, {});
      expect([path, options.status, options.headers.get("allow")?.split(", ")]).toEqual([path, 204, all]);
      expect(options.headers.get("access-control-allow-origin")).toBeNull();
    }
    expect(allowedOf.size).toBeGreaterThan(30);
  });

  test("a person who comes to where a form is sent reads so, and finds back", async () => {
    const answer = await get("/runs/r1/replay", BROWSER);
    expect(answer.status).toBe(405);
    expect(await answer.text()).toMatch(/where a form is sent.*<a href="\/">/s);
  });
});

describe("a slash too many", () => {
  test.each([
    ["/runs/", "/runs"],
    ["/queues/", "/queues"],
    ["/runs//?status=failed&limit=2", "/runs?status=failed&limit=2"],
    ["/api/runs/?limit=2", "/api/runs?limit=2"],
  ])("%s leads to %s", async (path, there) => {
    const answer = await get(path, bearer(ADMIN));
    expect([answer.status, answer.headers.get("location")]).toEqual([308, there]);
    expect((await get(there, bearer(ADMIN))).status).toBe(200);
  });

  test.each(["/nowhere/", "//evil.example/", "//evil.example/runs/", "/\\evil.example/", "//"])(
    "%s leads nowhere",
    async (path) => {
      const answer = await get(path, bearer(ADMIN));
      expect([answer.status, answer.headers.get("location")]).toEqual([404, null]);
    },
  );

  test("does not make a form that was sent there be sent again", async () => {
    expect((await ask("POST", "/runs/r1/replay/")).status).toBe(404);
  });
});

test.each(["/", "/runs", "/queues", "/healthz", "/readyz", "/metrics", "/login", "/assets/relay.css", "/api/runs"])(
  "HEAD %s answers as GET does, without a body",
  async (path) => {
    const [got, asked] = [await ask("GET", path), await ask("HEAD", path)];
    expect([asked.status, asked.headers.get("content-type")]).toEqual([200, got.headers.get("content-type")]);
    expect(await asked.text()).toBe("");
    await got.text();
  },
);
