import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Hono } from "hono";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { serverOf } from "../../../src/server/listen.ts";
import { SERVER_OPTIONS } from "../../../src/server/server-limits.ts";
import { SOON } from "../../support/soon.ts";
import {
  bodyOf,
  deliver,
  openReceiver,
  type Receiver,
  rawHead,
  sendRaw,
  signed,
  statusOf,
} from "../handlers/open-receiver.ts";

let receiver: Receiver;
const open = new Set<Socket>();

beforeAll(async () => {
  receiver = await openReceiver();
});
afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
});
afterAll(() => receiver.close());

const isAlive = async (): Promise<void> => {
  expect((await fetch(`${receiver.url}/healthz`)).status).toBe(200);
  expect((await deliver(receiver.url, bodyOf(crypto.randomUUID()))).status).toBe(202);
};

/** A connection that keeps what it was told. */
async function dial(url: string): Promise<{ readonly socket: Socket; said: () => string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  open.add(socket);
  let said = "";
  socket.on("data", (chunk) => {
    said += chunk.toString("latin1");
  });
  socket.on("error", () => undefined); // a reset is one way to be told
  await once(socket, "connect");
  return { socket, said: () => said };
}

/** When the connection is over, by whichever way: `once` of node:events would fail for a byte written too late. */
const hungUp = async (socket: Socket): Promise<void> => await new Promise((done) => socket.once("close", () => done()));

const statusesIn = (said: string): readonly number[] =>
  [...said.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

describe("a request that is none is answered plainly, and the next one is served", () => {
  const chunked = "transfer-encoding: chunked\r\n";
  test.each<readonly [string, string, readonly number[]]>([
    [
      "both a length and chunks",
      `POST /webhooks/fastio HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n${chunked}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\n\r\n`,
      [400],
    ],
    ["two lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!", [400]],
    ["a length below zero", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", [400]],
    ["a length that is no number", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1e3\r\n\r\n", [400]],
    ["chunks of a size that is none", `POST /x HTTP/1.1\r\nhost: a\r\n${chunked}\r\nzz\r\n`, [404, 400]],
    ["another encoding than chunks", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", [400]],
    ["no host", "GET /healthz HTTP/1.1\r\n\r\n", [400]],
    ["a host that is none", "GET /healthz HTTP/1.1\r\nhost: a b/c?d\r\n\r\n", [400]],
    ["a header with a bare line feed", "GET /healthz HTTP/1.1\nhost: a\nx: y\n\n", [400]],
    ["a folded header", "GET /healthz HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n", [400]],
    ["a name with a space before its colon", "GET /healthz HTTP/1.1\r\nhost : a\r\n\r\n", [400]],
    ["a zero byte", "GET /healthz HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n", [400]],
    ["a version that is none", "GET /healthz HTTP/9.9\r\nhost: a\r\n\r\n", [400]],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]],
    ["a head beyond 16 KiB", `GET /healthz HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, [431]],
    ["a path beyond 16 KiB", `GET /${"y".repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, [431]],
    [
      "a thousand headers",
      `GET /healthz HTTP/1.1\r\nhost: a\r\n${"a: b\r\n".repeat(1_000)}connection: close\r\n\r\n`,
      [431],
    ],
    ["an expectation", "GET /healthz HTTP/1.1\r\nhost: a\r\nexpect: a-miracle\r\nconnection: close\r\n\r\n", [417]],
    [
      "a wish for another protocol",
      "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n",
      [200],
    ],
    ["a wish for a tunnel", "CONNECT internal:22 HTTP/1.1\r\nhost: a\r\n\r\n", []],
    [
      "the whole of somebody else's address",
      "GET http://internal/healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
      [200],
    ],
  ])("%s", async (_, request, statuses) => {
    const said = await sendRaw(receiver.url, [request], { ending: "end" });
    const told = statusesIn(said);
    if (statuses.length === 0) expect(told).toEqual([]);
    else expect(statuses).toContain(told.at(-1));
    expect(told.filter((status) => status === 200).length).toBeLessThanOrEqual(1);
    await isAlive();
  });
});

test("a trace is told what the path takes, and nothing of what it sent", async () => {
  const said = await sendRaw(receiver.url, [
    "TRACE /healthz HTTP/1.1\r\nhost: a\r\nx-mine: abc\r\nconnection: close\r\n\r\n",
  ]);
  expect(statusesIn(said)).toEqual([405]);
  expect(said).toMatch(/^allow: GET, HEAD\r$/im);
  expect(said).not.toContain("abc");
});

test("requests sent at once on one connection are answered one by one, in their order", async () => {
  const { socket, said } = await dial(receiver.url);
  const one = (id: string): string => {
    const body = bodyOf(id);
    const head = rawHead({ ...signed(body), "content-length": String(Buffer.byteLength(body)) });
    return `${head.replace("connection: close\r\n", "")}${body}`;
  };
  socket.write(Array.from({ length: 50 }, (_, index) => one(`piped-${index}`)).join(""));
  await vi.waitFor(() => expect(statusesIn(said())).toEqual(Array(50).fill(202)), SOON);
  await isAlive();
});

test("HTTP/1.0 is answered, and the connection closed", async () => {
  const body = bodyOf("old");
  const head = rawHead({ ...signed(body), "content-length": String(Buffer.byteLength(body)) });
  const said = await sendRaw(receiver.url, [head.replace("HTTP/1.1", "HTTP/1.0"), body]);
  expect(statusOf(said)).toBe(202);
});

test("a thousand connections that say nothing keep nobody out", async () => {
  await Promise.all(Array.from({ length: 1_000 }, () => dial(receiver.url)));
  await isAlive();
});

test("deliveries that were begun and never end keep nobody out, whatever they claim to become", async () => {
  const begun = ["content-length: 1048576", "transfer-encoding: chunked"].flatMap((claim) =>
    Array.from({ length: 200 }, async () => {
      const { socket, said } = await dial(receiver.url);
      // What is answered first tells that the rest has come, too.
      const before = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
      socket.write(`${before}POST /webhooks/fastio HTTP/1.1\r\nhost: a\r\n${claim}\r\n\r\n1\r\n{`);
      await vi.waitFor(() => expect(statusesIn(said())).toEqual([200]), SOON);
    }),
  );
  await Promise.all(begun);
  await isAlive();
});

test("senders who hang up in the middle of a head, of a body, or before their answer leave nothing behind", async () => {
  const body = bodyOf("half");
  const head = rawHead({ ...signed(body), "content-length": String(Buffer.byteLength(body)) });
  for (const pieces of [[head.slice(0, 30)], [head, body.slice(0, 20)], [head, body]])
    await Promise.all(Array.from({ length: 30 }, () => sendRaw(receiver.url, pieces, { ending: "destroy" })));
  await isAlive();
});

describe("with less patience", () => {
  /** The server as it is, but for its times. */
  async function openServer(): Promise<string> {
    const app = new Hono();
    app.all("*", async (context) => context.text(String((await context.req.arrayBuffer()).byteLength)));
    app.onError((_, context) => context.body(null, 400));
    const server = serverOf(app.fetch, { arrivalMs: 300, lookEveryMs: 50 });
    server.headersTimeout = 300;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => server.close());
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}`;
  }
  const closers: (() => void)[] = [];
  afterAll(() => {
    for (const close of closers) close();
  });

  /** Says a byte now and then until it is hung up on. @returns everything the server said */
  async function drip(url: string, head: string): Promise<string> {
    const { socket, said } = await dial(url);
    socket.write(head);
    const timer = setInterval(() => socket.writable && socket.write("x"), 40);
    await hungUp(socket);
    clearInterval(timer);
    return said();
  }

  test("a body that comes byte by byte is told 408, and hung up on", async () => {
    const url = await openServer();
    const said = await drip(url, "POST /login HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n");
    expect(statusesIn(said)).toEqual([408]);
  });

  test("so is one that never begins, and one without a length", async () => {
    const url = await openServer();
    for (const head of ["content-length: 5", "transfer-encoding: chunked"]) {
      const { socket, said } = await dial(url);
      socket.write(`POST /webhooks/fastio HTTP/1.1\r\nhost: a\r\n${head}\r\n\r\n`);
      await hungUp(socket);
      expect(statusesIn(said())).toEqual([408]);
    }
  });

  test("files for tools may take their time", async () => {
    const url = await openServer();
    const { socket, said } = await dial(url);
    socket.write("POST /tools/upload-file HTTP/1.1\r\nhost: a\r\ncontent-length: 25\r\nconnection: close\r\n\r\n");
    let sent = 0;
    const timer = setInterval(() => {
      if (sent < 25) socket.write("x");
      sent += 1;
    }, 40);
    await hungUp(socket);
    clearInterval(timer);
    expect(said()).toMatch(/^HTTP\/1\.1 200[\s\S]*25$/);
  });

  test.each(["/tools/../webhooks/fastio", "/tools/%2e%2e/login", "/tools/upload-file/../../login"])(
    "%s is no file for tools",
    async (path) => {
      const said = await drip(await openServer(), `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n`);
      expect(statusesIn(said)).toEqual([408]);
    },
  );

  test("who asks again and again on one connection is not cut off", async () => {
    const url = await openServer();
    const { socket, said } = await dial(url);
    for (let asked = 1; asked <= 20; asked += 1) {
      socket.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi");
      await vi.waitFor(() => expect(statusesIn(said())).toHaveLength(asked), SOON);
      await new Promise((next) => setTimeout(next, 30)); // for longer than one request may take
    }
    expect(new Set(statusesIn(said()))).toEqual(new Set([200]));
  });
});

test("heads have 15 seconds, files 16 minutes, and idle connections outlast those of proxies", () => {
  const server = serverOf(() => new Response());
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxRequestsPerSocket, maxConnections } = server;
  expect({ headersTimeout, requestTimeout, keepAliveTimeout }).toEqual({
    headersTimeout: SERVER_OPTIONS.headersTimeout,
    requestTimeout: 16 * 60_000,
    keepAliveTimeout: 65_000,
  });
  expect(requestTimeout).toBeGreaterThan(15 * 60_000);
  expect(maxRequestsPerSocket).toBe(10_000);
  expect(maxConnections).toBe(8_192);
});
