import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterEach, describe, expect, test } from "vitest";
import { createFaults, type FaultRequest } from "../../../../src/emulators/kit/faults.ts";
import { createRandom } from "../../../../src/emulators/kit/random.ts";
import {
  type Observation,
  type Observe,
  type RunningServer,
  startServer,
} from "../../../../src/emulators/kit/server.ts";

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function start({
  listener,
  faults: wanted = [],
  observe,
}: {
  listener: (request: IncomingMessage, response: ServerResponse) => unknown;
  faults?: FaultRequest[];
  observe?: Observe;
}) {
  const random = createRandom("kit");
  const faults = createFaults({ random: random.next, newId: () => random.hex(8) });
  for (const fault of wanted) faults.add(fault);
  const server = await startServer({ listener, faults, observe, controls: { about: "A test server." } });
  running.push(server);
  return server;
}

/** Everything that arrives on a plain socket until it ends or is reset. */
async function readRaw(port: number, path = "/work"): Promise<{ text: string; reset: boolean }> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  let reset = false;
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {
    reset = true;
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: emulator\r\nConnection: close\r\n\r\n`);
  await new Promise((resolve) => socket.once("close", resolve));
  return { text: Buffer.concat(chunks).toString("utf8"), reset };
}

describe("observation", () => {
  test("sees a request before its effect, and after it before any byte of the answer", async () => {
    const story: string[] = [];
    let received = 0;
    const server = await start({
      listener: (_request, response) => {
        story.push("effect");
        response.writeHead(200);
        response.write("one");
        response.end("two");
      },
      observe: async ({ phase, method, path, ordinal }: Observation) => {
        if (phase === "after") await new Promise((resolve) => setImmediate(resolve));
        story.push(`${phase} ${method} ${path} ${ordinal} with ${received} bytes`);
      },
    });
    const socket = connect(server.port, "127.0.0.1");
    socket.on("data", (chunk) => {
      received += chunk.length;
    });
    socket.write("GET /work?x=1 HTTP/1.1\r\nHost: emulator\r\nConnection: close\r\n\r\n");
    await once(socket, "close");
    expect(story).toEqual(["before GET /work?x=1 1 with 0 bytes", "effect", "after GET /work?x=1 1 with 0 bytes"]);
    expect(received).toBeGreaterThan(6);
  });

  test("leaves out the control plane", async () => {
    const seen: Observation[] = [];
    const server = await start({
      listener: (_request, response) => response.end(),
      observe: (observation) => void seen.push(observation),
    });
    await fetch(server.url);
    await fetch(`${server.url}/__faults`);
    expect(seen).toEqual([]);
  });
});

describe("answers pass the gate unchanged", () => {
  test("a body written at once keeps its length", async () => {
    const server = await start({ listener: (_request, response) => response.end("hello") });
    const answer = await fetch(`${server.url}/work`);
    expect(answer.headers.get("content-length")).toBe("5");
    expect(await answer.text()).toBe("hello");
  });

  test("a large streamed body arrives whole", async () => {
    const piece = Buffer.alloc(256 * 1024, 7);
    const server = await start({
      listener: (_request, response) => pipeline(Readable.from(Array.from({ length: 40 }, () => piece)), response),
    });
    const answer = await fetch(`${server.url}/work`);
    expect((await answer.arrayBuffer()).byteLength).toBe(40 * piece.length);
  });

  test("a head is sent alone when the handler flushes it", async () => {
    const server = await start({
      listener: (_request, response) => {
        response.writeHead(202);
        response.flushHeaders();
      },
    });
    const answer = await fetch(`${server.url}/work`);
    expect(answer.status).toBe(202);
    await answer.body?.cancel();
  });
});

describe("faults", () => {
  test("a canned status answers without the effect, once", async () => {
    let effects = 0;
    const server = await start({
      listener: (_request, response) => {
        effects += 1;
        response.end("fine");
      },
      faults: [{ action: { kind: "status", status: 503, body: { busy: true }, headers: { "retry-after": "7" } } }],
    });
    const refused = await fetch(`${server.url}/work`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("7");
    expect(await refused.json()).toEqual({ busy: true });
    expect(effects).toBe(0);
    expect((await fetch(`${server.url}/work`)).status).toBe(200);
  });

  test.each([
    { when: "before" as const, effects: 0 },
    { when: "after" as const, effects: 1 },
  ])("a drop $when the effect resets the connection without a byte", async ({ when, effects }) => {
    let seen = 0;
    const server = await start({
      listener: (_request, response) => {
        seen += 1;
        response.end("fine");
      },
      faults: [{ action: { kind: "drop", when } }],
    });
    expect(await readRaw(server.port)).toEqual({ text: "", reset: true });
    expect(seen).toBe(effects);
  });

  test.each([
    { name: "one piece", pieces: ["0123456789"] },
    { name: "many pieces", pieces: ["01", "234", "56789"] },
  ])("a truncated answer of $name ends with a reset after its bytes", async ({ pieces }) => {
    const server = await start({
      listener: (_request, response) => {
        response.writeHead(200, { "content-length": "10" });
        for (const piece of pieces) response.write(piece);
        response.end();
      },
      faults: [{ action: { kind: "truncate", bytes: 4 } }],
    });
    const { text, reset } = await readRaw(server.port);
    expect(text.split("\r\n\r\n")[1]).toBe("0123");
    expect(reset).toBe(true);
  });

  test("the control plane adds, lists and removes them", async () => {
    const server = await start({ listener: (_request, response) => response.end("fine") });
    const control = `${server.url}/__faults`;
    const post = (body: unknown) => fetch(control, { method: "POST", body: JSON.stringify(body) });
    const refused = await post({ action: { kind: "explode" } });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({ error: expect.stringContaining("kind") });
    const added = await post([
      { match: { path: "/work" }, action: { kind: "status", status: 500 } },
      { times: 0, action: { kind: "latency", ms: 0 } },
    ]);
    expect(added.status).toBe(201);
    expect(await added.json()).toEqual({ ids: [expect.any(String), expect.any(String)] });
    expect((await fetch(`${server.url}/work`)).status).toBe(500);
    expect(await (await fetch(control)).json()).toMatchObject({ faults: [{ fired: 1 }, { fired: 1, times: 0 }] });
    expect(await (await fetch(control, { method: "DELETE" })).json()).toEqual({ removed: 2 });
    expect((await fetch(`${server.url}/work`)).status).toBe(200);
    expect((await fetch(`${server.url}/__nothing`)).status).toBe(404);
  });

  test("GET / says what this is and what can be controlled", async () => {
    const server = await start({ listener: (_request, response) => response.end() });
    const text = await (await fetch(server.url)).text();
    expect(text).toContain("A test server.");
    expect(text).toContain("POST   /__faults");
  });
});

test("close cuts open streams", async () => {
  const server = await start({
    listener: (_request, response) => {
      response.write("endless");
    },
  });
  const raw = readRaw(server.port);
  const answer = await fetch(`${server.url}/work`);
  await server.close();
  await expect(answer.text()).rejects.toThrow();
  await raw;
});
