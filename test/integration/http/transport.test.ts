import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { multipartBody } from "../../../src/http/multipart.ts";
import { readText } from "../../../src/http/readers.ts";
import { withRetry } from "../../../src/http/retry.ts";
import type { Transport } from "../../../src/http/transport.ts";
import type { OutboundRequest } from "../../../src/http/types.ts";
import { openTransport } from "../../support/open-transport.ts";
import { SOON } from "../../support/soon.ts";

const never = new AbortController().signal;
let transport: Transport;
const stops: (() => Promise<void>)[] = [];

beforeEach(() => {
  transport = openTransport({ connectTimeoutMs: 500 });
});

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await transport.close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that speaks raw bytes. */
async function serveRaw(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  stops.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const get = (url: string, change: Partial<OutboundRequest> = {}): OutboundRequest => ({
  operation: "test.get",
  method: "GET",
  url: new URL(url),
  repeatable: true,
  ...change,
});

const post = (url: string, change: Partial<OutboundRequest> = {}): OutboundRequest =>
  get(url, { operation: "test.post", method: "POST", repeatable: false, ...change });

describe("transport", () => {
  test("gives status, lower-case headers and the body", async () => {
    const url = await serve((_request, response) => {
      response.writeHead(418, { "X-Some": ["a", "b"] }).end("short and stout");
    });
    const response = await transport.send(get(url), never);
    expect(response).toMatchObject({ status: 418, headers: { "x-some": "a, b" } });
    expect(await readText(response, { maxBytes: 100 })).toBe("short and stout");
  });

  test("reuses connections once the answer was read", async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end("ok");
    });
    for (let round = 0; round < 6; round += 1) {
      await readText(await transport.send(get(url), never), { maxBytes: 10 });
    }
    // undici may open a second one while it still tidies up after the first answer.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  test("does not follow a redirect", async () => {
    const url = await serve((_request, response) => {
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect((await transport.send(get(url), never)).status).toBe(302);
  });

  test("a refused connection was surely not sent", async () => {
    const url = await serve(() => {});
    for (const stop of stops.splice(0)) await stop();
    await expect(transport.send(post(url), never)).rejects.toMatchObject({ code: "connect_failed", sent: false });
  });

  test("an unknown host was surely not sent", async () => {
    const sending = transport.send(post("http://no-such-host.invalid/"), never);
    await expect(sending).rejects.toMatchObject({ code: "connect_failed", sent: false, retryable: true });
  });

  test("a failed TLS handshake was surely not sent", async () => {
    const url = await serveRaw((socket) => socket.end("this is not TLS\n"));
    const sending = transport.send(post(url.replace("http:", "https:")), never);
    await expect(sending).rejects.toMatchObject({ code: "connect_failed", sent: false });
  });

  test("a reset after the request may have been acted upon", async () => {
    const url = await serve((request) => {
      request.socket.resetAndDestroy();
    });
    await expect(transport.send(post(url), never)).rejects.toMatchObject({ code: "connection_lost", sent: true });
  });

  test("something that is not HTTP is a lost connection", async () => {
    const url = await serveRaw((socket) => socket.once("data", () => socket.end("GARBAGE\r\n\r\n")));
    await expect(transport.send(get(url), never)).rejects.toMatchObject({ code: "connection_lost" });
  });

  test("a body cut short fails while it is read", async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" }).write("half");
      response.socket?.end();
    });
    const response = await transport.send(get(url), never);
    await expect(readText(response, { maxBytes: 1_000 })).rejects.toMatchObject({ code: "connection_lost" });
  });

  test("an answer that does not begin times out", async () => {
    const url = await serve(() => {});
    const sending = transport.send(get(url, { headersTimeoutMs: 50 }), never);
    await expect(sending).rejects.toMatchObject({ code: "timed_out", sent: true, operation: "test.get" });
  });

  test("an answer that falls silent times out", async () => {
    const url = await serve((_request, response) => {
      response.write("begun");
    });
    const response = await transport.send(get(url, { bodyTimeoutMs: 50 }), never);
    await expect(readText(response, { maxBytes: 100 })).rejects.toMatchObject({ code: "timed_out" });
  });

  test("errors tell neither query nor headers", async () => {
    const url = await serve((request) => request.socket.destroy());
    const failure = (await transport
      .send(get(`${url}/?token=hidden1`, { headers: { authorization: "Bearer hidden2" } }), never)
      .catch((error: unknown) => error)) as Error;
    expect(JSON.stringify([failure, failure.message, failure.stack])).not.toMatch(/hidden/);
  });
});

describe("abort", () => {
  test("before sending rejects with the signal's reason", async () => {
    const reason = new Error("stop");
    await expect(transport.send(get("http://127.0.0.1:9/"), AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test("while waiting rejects with the reason and drops the connection", async () => {
    const abort = new AbortController();
    let dropped = false;
    const url = await serve((request) => {
      request.socket.once("close", () => {
        dropped = true;
      });
      abort.abort(new Error("stop"));
    });
    await expect(transport.send(get(url), abort.signal)).rejects.toThrow("stop");
    await vi.waitFor(() => expect(dropped).toBe(true), SOON);
  });

  test("while reading ends the body with the reason", async () => {
    const abort = new AbortController();
    const url = await serve((_request, response) => {
      response.write("begun");
    });
    const response = await transport.send(get(url), abort.signal);
    const reading = readText(response, { maxBytes: 100 });
    response.body.once("data", () => abort.abort(new Error("stop")));
    await expect(reading).rejects.toThrow("stop");
  });

  test("while uploading destroys the source", async () => {
    const abort = new AbortController();
    const source = new PassThrough();
    const url = await serve((request) => {
      request.once("data", () => abort.abort(new Error("stop")));
    });
    const form = multipartBody({ fields: {}, file: { field: "f", name: "n", mimeType: "a/b", body: source } });
    source.write("some");
    const sending = transport.send(post(url, { headers: form.headers, body: () => form.body }), abort.signal);
    await expect(sending).rejects.toThrow("stop");
    await vi.waitFor(() => expect(source.destroyed).toBe(true), SOON);
  });

  test("destroying an unread answer drops the connection", async () => {
    let dropped = false;
    const url = await serve((request, response) => {
      request.socket.once("close", () => {
        dropped = true;
      });
      response.write("begun");
    });
    const response = await transport.send(get(url), never);
    response.body.destroy();
    await vi.waitFor(() => expect(dropped).toBe(true), SOON);
  });
});

test("closing does not wait for an answer nobody reads", async () => {
  const url = await serve((_request, response) => {
    response.write("begun");
  });
  const response = await transport.send(get(url), never);
  await transport.close();
  await expect(readText(response, { maxBytes: 100 })).rejects.toMatchObject({ code: "connection_lost" });
});

describe("uploads", () => {
  test("stream a form whole and in order", async () => {
    let seen: { headers: IncomingMessage["headers"]; body: Buffer } | undefined;
    const url = await serve((request: IncomingMessage, response: ServerResponse) => {
      void buffer(request).then((body) => {
        seen = { headers: request.headers, body };
        response.end("ok");
      });
    });
    const bytes = Buffer.alloc(3 * 1024 * 1024, "relay");
    const form = multipartBody({
      fields: { user: "u" },
      file: { field: "file", name: "big.bin", mimeType: "a/b", size: bytes.length, body: Readable.from(slices(bytes)) },
    });
    const response = await transport.send(post(url, { headers: form.headers, body: () => form.body }), never);
    await readText(response, { maxBytes: 10 });
    expect(seen?.headers["content-length"]).toBe(String(seen?.body.length));
    expect(seen?.body.indexOf(bytes)).toBeGreaterThan(0);
  });

  test("fail with our own error when the content is shorter than announced", async () => {
    const url = await serve((request, response) => {
      request.resume().on("end", () => response.end());
    });
    const form = multipartBody({
      fields: {},
      file: { field: "file", name: "n", mimeType: "a/b", size: 10, body: Readable.from([Buffer.from("abc")]) },
    });
    const sending = transport.send(post(url, { headers: form.headers, body: () => form.body }), never);
    await expect(sending).rejects.toMatchObject({ code: "download_changed" });
  });

  test("a request that could not be sent destroys its body", async () => {
    const body = new PassThrough();
    const sending = transport.send(post("http://no-such-host.invalid/", { body: () => body }), never);
    await expect(sending).rejects.toMatchObject({ sent: false });
    expect(body.destroyed).toBe(true);
  });
});

test("retries make the body anew each time", async () => {
  const bodies: string[] = [];
  const url = await serve((request, response) => {
    void buffer(request).then((body) => {
      bodies.push(body.toString());
      response.writeHead(bodies.length < 3 ? 503 : 200).end();
    });
  });
  const send = withRetry(transport.send, { clock: systemClock, random: () => 0 }, { schedule: [2, 2] });
  const body = () => Readable.from([Buffer.from("same")]);
  expect((await send(post(url, { repeatable: true, body }), never)).status).toBe(200);
  expect(bodies).toEqual(["same", "same", "same"]);
});

test("a retry waits for what Retry-After asks", async () => {
  const times: number[] = [];
  const url = await serve((_request, response) => {
    times.push(performance.now());
    if (times.length === 1) response.writeHead(429, { "retry-after": "0.2" }).end();
    else response.end();
  });
  const send = withRetry(transport.send, { clock: systemClock, random: () => 0 }, { schedule: [1] });
  expect((await send(get(url), never)).status).toBe(200);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(180);
});

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
}

test("an answer that claims to be packed stays packed, and its limit counts what came", async () => {
  const packed = gzipSync(Buffer.alloc(50_000_000));
  const url = await serve((_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(packed));
  const response = await transport.send(get(url), never);
  const text = await readText(response, { maxBytes: 1_000_000 });
  expect(text.length).toBeLessThanOrEqual(packed.length);
});

describe("a small body whose length is known", () => {
  const form = (source: Readable, size: number) =>
    multipartBody({ fields: {}, file: { field: "file", name: "a.txt", mimeType: "text/plain", size, body: source } });

  test("arrives whole", async () => {
    let seen = "";
    const url = await serve(async (request, response) => {
      seen = (await buffer(request)).toString();
      response.end();
    });
    const { headers, body } = form(Readable.from([Buffer.from("abc")]), 3);
    await transport.send(post(url, { headers, body: () => body }), never);
    expect(seen).toContain("abc");
    expect(seen.length).toBe(Number(headers["content-length"]));
  });

  test("that turns out shorter is not sent at all", async () => {
    let requests = 0;
    const url = await serve((_request, response) => {
      requests += 1;
      response.end();
    });
    const { headers, body } = form(Readable.from([Buffer.from("abc")]), 4);
    const sending = transport.send(post(url, { headers, body: () => body }), never);
    await expect(sending).rejects.toMatchObject({ code: "download_changed" });
    expect(requests).toBe(0);
  });

  test("whose source is silent can be given up", async () => {
    const url = await serve(() => {});
    const source = new PassThrough();
    const { headers, body } = form(source, 3);
    const control = new AbortController();
    const sending = transport.send(post(url, { headers, body: () => body }), control.signal);
    control.abort(new Error("enough"));
    await expect(sending).rejects.toThrow("enough");
    await vi.waitFor(() => expect(source.destroyed).toBe(true), SOON);
  });
});
