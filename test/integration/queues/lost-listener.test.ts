import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createTestDatabase } from "../../support/servers.ts";

/** Below the minute after which a worker looks by itself. */
const WITHIN = { timeout: 30_000, interval: 50 };
const BACKEND_KEY = 0x4b;
/** What PostgreSQL says last on a connection that an administrator ends. */
const FATAL = Buffer.concat([Buffer.from("E"), withLength("SFATAL\0C57P01\0Mterminating connection\0\0")]);

type Moment = "it has been made" | "it began to listen";

test.skipIf(inject("postgresUrl") === undefined).each<Moment>(["it has been made", "it began to listen"])(
  "a worker whose connection ends in the moment in which %s goes on listening by another",
  async (moment) => {
    const database = await createTestDatabase(inject("postgresUrl") ?? "");
    onTestFinished(() => database.drop());
    const line = await layDeadlyLine(new URL(database.url));
    const backend = await createQueueBackend(
      { kind: "postgres", url: line.url },
      { clock: systemClock, random: Math.random, log: silentLog },
    );
    onTestFinished(() => backend.close());
    const seen: string[] = [];
    const handle = async ({ id }: { readonly id: string }) => {
      seen.push(id);
      return { kind: "done" } as const;
    };
    backend.work("runs", handle, { concurrency: 1, onError: () => undefined });
    await vi.waitFor(() => expect(line.listening()).toBe(1), WITHIN);

    const deaths = line.killAt(moment);
    line.endAll();
    await vi.waitFor(() => expect(deaths()).toBeGreaterThan(0), WITHIN);
    line.killAt(undefined);
    // Once what came with the death has been read, and nothing else is under way.
    await vi.waitFor(() => expect(line.listening()).toBe(1), WITHIN);
    await vi.waitFor(() => backend.open("runs").add([{ id: "after", data: {} }]), WITHIN);
    await vi.waitFor(() => expect(seen).toEqual(["after"]), WITHIN);
  },
);

/** A line to PostgreSQL that ends connections with its last words, in one piece with what it said at that moment. */
async function layDeadlyLine(to: URL) {
  const ends = new Set<() => void>();
  const listeners = new Set<object>();
  let moment: Moment | undefined;
  let deaths = 0;
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    let asked = "";
    const end = (): void => {
      ends.delete(end);
      listeners.delete(near);
      near.destroy();
      far.destroy();
    };
    ends.add(end);
    near.on("close", end).on("error", end);
    far.on("close", end).on("error", end);
    near.on("data", (bytes) => {
      asked = bytes.toString("latin1");
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      const listens = /^LISTEN /m.test(asked);
      const isMoment = moment === "it has been made" ? bytes.includes(BACKEND_KEY) && asked.includes("user") : listens;
      if (moment !== undefined && isMoment) {
        deaths += 1;
        near.end(Buffer.concat([bytes, FATAL]));
        return;
      }
      if (listens) listeners.add(near);
      near.write(bytes);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = new URL(to.href);
  url.port = String((server.address() as AddressInfo).port); // a TCP server's
  return {
    url: url.href,
    /** Connections that were told to listen, and live. */
    listening: () => listeners.size,
    /** @returns how many died of it */
    killAt: (next: Moment | undefined) => {
      moment = next;
      return () => deaths;
    },
    endAll: () => {
      for (const end of [...ends]) end();
    },
  };
}

function withLength(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(text.length + 4);
  return Buffer.concat([length, Buffer.from(text, "latin1")]);
}
