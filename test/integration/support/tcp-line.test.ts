import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { layLine, type TcpLine } from "../../support/tcp-line.ts";

/** A server that keeps what it hears and says it back, and a line that leads to it. */
async function openEcho() {
  const heard: Buffer[] = [];
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.on("error", () => undefined).on("data", (bytes) => heard.push(bytes));
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const line = await layLine((server.address() as AddressInfo).port);
  await line.mend();
  onTestFinished(async () => {
    await line.cut();
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return { line, connections, heard: () => Buffer.concat(heard).toString(), pieces: heard };
}

/** A connection through the line, what came back on it, and how it ended. */
async function call(line: TcpLine) {
  const socket = connect(line.port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const told: Buffer[] = [];
  const ends: string[] = [];
  socket
    .on("data", (bytes) => told.push(bytes))
    .on("error", (error: NodeJS.ErrnoException) => ends.push(error.code ?? "error"))
    .on("end", () => ends.push("end"));
  await once(socket, "connect");
  return { socket, told: () => Buffer.concat(told).toString(), ends };
}

const SOON = { timeout: 15_000, interval: 5 };
const LONG = "0123456789".repeat(5_000);

test("a line that nothing ails carries everything both ways, and the end", async () => {
  const { line } = await openEcho();
  const { socket, told, ends } = await call(line);
  socket.end(LONG);
  await vi.waitFor(() => expect(ends).toEqual(["end"]), SOON);
  expect(told()).toBe(LONG);
});

test("latency delays what passes, and does not add up over what follows", async () => {
  const { line } = await openEcho();
  const { socket, told } = await call(line);
  const stop = line.ail({ kind: "latency", ms: 150 });
  const beganMs = performance.now();
  for (let index = 0; index < 20; index += 1) {
    socket.write("x".repeat(100));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await vi.waitFor(() => expect(told()).toHaveLength(2_000), SOON);
  const tookMs = performance.now() - beganMs;
  expect(tookMs).toBeGreaterThanOrEqual(295); // there and back
  expect(tookMs).toBeLessThan(20 * 300); // what each piece would take by itself, one after the other
  stop();
  line.ail({ kind: "latency", ms: 10 * SOON.timeout })();
  socket.write("y");
  await vi.waitFor(() => expect(told()).toHaveLength(2_001), SOON);
});

test("a limit holds in the direction it is for", async () => {
  const { line, heard } = await openEcho();
  const { socket, told } = await call(line);
  line.ail({ kind: "limit", bytesPerSecond: 100_000 }, "down");
  const beganMs = performance.now();
  socket.write(LONG);
  await vi.waitFor(() => expect(heard()).toHaveLength(LONG.length), SOON);
  expect(told().length).toBeLessThan(LONG.length);
  await vi.waitFor(() => expect(told()).toBe(LONG), SOON);
  expect(performance.now() - beganMs).toBeGreaterThan(350); // 50,000 bytes, but for the first piece
});

test("a slicer cuts into pieces and loses nothing", async () => {
  const { line, pieces, heard } = await openEcho();
  const { socket, told } = await call(line);
  line.ail({ kind: "slicer", bytes: 3, pauseMs: 3 }, "up");
  socket.write("the quick brown fox jumps");
  await vi.waitFor(() => expect(told()).toBe("the quick brown fox jumps"), SOON);
  expect(heard()).toBe("the quick brown fox jumps");
  expect(pieces.length).toBeGreaterThan(2);
});

test("a reset reaches both ends, and new connections are taken", async () => {
  const { line, connections } = await openEcho();
  const { socket, told, ends } = await call(line);
  socket.write("hello");
  await vi.waitFor(() => expect(told()).toBe("hello"), SOON);
  line.reset();
  await vi.waitFor(() => expect(ends).toEqual(["ECONNRESET"]), SOON);
  await vi.waitFor(() => expect(connections[0]?.destroyed).toBe(true), SOON);
  const again = await call(line);
  again.socket.write("hello again");
  await vi.waitFor(() => expect(again.told()).toBe("hello again"), SOON);
});

describe("half-open", () => {
  test("nothing passes and nobody is told, until it is over", async () => {
    const { line, heard } = await openEcho();
    const { socket, told, ends } = await call(line);
    const stop = line.ail({ kind: "half-open" });
    socket.write("hello");
    const other = await call(line);
    other.socket.write("me too");
    // What passes another line meanwhile shows that there was time.
    const fine = await openEcho();
    const free = await call(fine.line);
    free.socket.write("hello");
    await vi.waitFor(() => expect(free.told()).toBe("hello"), SOON);
    expect([heard(), told(), ends]).toEqual(["", "", []]);
    stop();
    await vi.waitFor(() => expect([told(), other.told()]).toEqual(["hello", "me too"]), SOON);
  });

  test("who goes meanwhile takes with him what he said, and the other end learns of it afterwards", async () => {
    const { line, connections, heard } = await openEcho();
    const { socket, told } = await call(line);
    socket.write("hello");
    await vi.waitFor(() => expect(told()).toBe("hello"), SOON);
    const stop = line.ail({ kind: "half-open" }, "up");
    socket.write("never heard");
    socket.resetAndDestroy();
    await once(socket, "close");
    const other = await call(line);
    expect(connections[0]?.destroyed).toBe(false);
    stop();
    await vi.waitFor(() => expect(connections[0]?.destroyed).toBe(true), SOON);
    other.socket.write("!");
    await vi.waitFor(() => expect(heard()).toBe("hello!"), SOON);
  });
});

test("a line that is cut ends all and takes nobody, until it is mended", async () => {
  const { line } = await openEcho();
  const { socket, told, ends } = await call(line);
  socket.write("hello");
  await vi.waitFor(() => expect(told()).toBe("hello"), SOON);
  await line.cut();
  await vi.waitFor(() => expect(ends).toHaveLength(1), SOON);
  await expect(call(line)).rejects.toThrow("ECONNREFUSED");
  await line.mend();
  const again = await call(line);
  again.socket.write("hello again");
  await vi.waitFor(() => expect(again.told()).toBe("hello again"), SOON);
});

test("a line that refuses lets those talk on who do", async () => {
  const { line } = await openEcho();
  const { socket, told } = await call(line);
  await line.refuse();
  await expect(call(line)).rejects.toThrow("ECONNREFUSED");
  socket.write("still here");
  await vi.waitFor(() => expect(told()).toBe("still here"), SOON);
  await line.mend();
  await call(line);
});

test("where nobody listens behind the line, callers are reset", async () => {
  const { line, connections } = await openEcho();
  const gone = await layLine(1);
  onTestFinished(() => gone.cut());
  await gone.mend();
  const { ends } = await call(gone);
  await vi.waitFor(() => expect(ends).toEqual(["ECONNRESET"]), SOON);
  expect([line.port === gone.port, connections]).toEqual([false, []]);
});
