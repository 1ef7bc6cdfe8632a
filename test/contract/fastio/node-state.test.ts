import { randomBytes } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../src/emulators/fastio/defaults.ts";
import type { FastioEmulatorOptions } from "../../../src/emulators/fastio/start.ts";
import { type ClientOnEmulator, clientOn, DIALECTS } from "./client-on.ts";

const signal = new AbortController().signal;

const opened: ClientOnEmulator[] = [];
afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

async function open(server: FastioEmulatorOptions): Promise<ClientOnEmulator> {
  const one = await clientOn(server);
  opened.push(one);
  return one;
}

test.each(DIALECTS)("the first bytes of a file are read and no more, in %s", async (dialects) => {
  const { emulator, fastio } = await open({ dialects });
  for (const size of [0, 1, 4_095, 4_096, 3_000_000]) {
    const bytes = randomBytes(size);
    const { nodeId } = await emulator.dropFile({ name: `head-${size}.bin`, content: bytes });
    const head = await fastio.readHead({ place: emulator.workspaceId, nodeId }, 4_096, signal);
    expect(Buffer.compare(head, bytes.subarray(0, 4_096))).toBe(0);
  }
  const missing = { place: emulator.workspaceId, nodeId: "2aaaa-aaaaa-aaaaa-aaaaa-aaaaa-aaaa" };
  await expect(fastio.readHead(missing, 10, signal)).rejects.toMatchObject({ failure: "gone" });
});

test("a node tells what the virus scan found", async () => {
  const { emulator, fastio } = await open({ virusScan: "on", infectedFor: "evil", scanDelayMs: 3_600_000 });
  const drop = async (name: string) => {
    const { nodeId } = await emulator.dropFile({ name, content: "x" });
    return (await fastio.readNode(emulator.workspaceId, nodeId, signal)).virus;
  };
  expect(await drop("slow.pdf")).toBe("pending");
  emulator.setKnobs({ scanDelayMs: 0 });
  expect(await drop("evil.pdf")).toBe("infected");
  expect(await drop("fine.pdf")).toBe("clean");
  emulator.setKnobs({ virusScan: "off" });
  expect(await drop("other.pdf")).toBe("unscanned");
});

test("a node tells who holds it, and until when", async () => {
  const { emulator, fastio } = await open({});
  const { nodeId } = await emulator.dropFile({ name: "held.pdf", content: "x" });
  expect(await fastio.readNode(emulator.workspaceId, nodeId, signal)).not.toHaveProperty("lock");
  const answer = await fetch(`${emulator.apiUrl}/workspace/${emulator.workspaceId}/storage/${nodeId}/lock/`, {
    method: "POST",
    headers: { authorization: `Bearer ${D.personKey}` },
    body: new URLSearchParams({ duration: "60" }),
  });
  expect(answer.status).toBe(200);
  const { lock } = await fastio.readNode(emulator.workspaceId, nodeId, signal);
  expect(lock?.holderId).toBe(D.personUserId);
  expect(lock?.untilMs).toBeGreaterThan(Date.now());
  emulator.advance(61_000);
  expect(await fastio.readNode(emulator.workspaceId, nodeId, signal)).not.toHaveProperty("lock");
});
