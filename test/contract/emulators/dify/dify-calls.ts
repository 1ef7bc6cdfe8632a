import { connect } from "node:net";
import { expect, vi } from "vitest";
import { systemClock } from "../../../../src/clock.ts";
import type { AppConfig } from "../../../../src/emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../../../../src/emulators/dify/defaults.ts";
import {
  type DifyEmulator,
  type DifyEmulatorOptions,
  startDifyEmulator,
} from "../../../../src/emulators/dify/start-dify-emulator.ts";
import { SOON } from "../../../support/soon.ts";
import type { ManualClock } from "../../../unit/dify/manual-clock.ts";

/** An app of one text and one output, small enough to compare whole streams. */
export const TOPIC_APP: AppConfig = {
  key: "app-topictopictopictopictopi",
  inputs: [{ variable: "topic", label: "Topic", type: "text-input", required: true, max_length: 20 }],
  work: async ({ inputs }) => ({ summary: `About ${String(inputs["topic"])}` }),
};

/** Starts emulators that end with their test file's `afterEach(stop)`. */
export function createEmulators() {
  const running: DifyEmulator[] = [];
  return {
    start: async (options: DifyEmulatorOptions = {}) => {
      const emulator = await startDifyEmulator({ quiet: true, workMs: 0, seed: "test", ...options });
      running.push(emulator);
      return emulator;
    },
    stop: async () => {
      await Promise.all(running.splice(0).map((emulator) => emulator.close()));
    },
  };
}

/** Real time that a test can push forward. */
export function createMovableClock() {
  let offsetMs = 0;
  return {
    now: () => Date.now() + offsetMs,
    sleep: systemClock.sleep,
    advance: (ms: number) => {
      offsetMs += ms;
    },
  };
}

/** Lets so much time pass at each look, until the emulator's only run has succeeded. */
export const untilItSucceeded = (emulator: DifyEmulator, clock: ManualClock, stepMs: number): Promise<void> =>
  vi.waitFor(() => {
    clock.advance(stepMs);
    expect(emulator.books().runs).toMatchObject([{ status: "succeeded" }]);
  }, SOON);

export const bearer = (key: string = DEFAULT_APP_KEY) => ({ authorization: `Bearer ${key}` });

export function post(emulator: DifyEmulator, path: string, body: unknown, key?: string): Promise<Response> {
  return fetch(`${emulator.apiUrl}${path}`, {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export function get(emulator: DifyEmulator, path: string, key?: string): Promise<Response> {
  return fetch(`${emulator.apiUrl}${path}`, { headers: bearer(key) });
}

export async function upload(
  emulator: DifyEmulator,
  {
    user = "relay-1",
    name = "table.csv",
    type = "text/csv",
    content = "a,b\n1,2\n",
    key,
  }: {
    user?: string;
    name?: string;
    type?: string;
    content?: string | Uint8Array<ArrayBuffer>;
    key?: string;
  } = {},
): Promise<Response> {
  const form = new FormData();
  form.append("user", user);
  form.append("file", new File([content], name, { type }));
  return fetch(`${emulator.apiUrl}/files/upload`, { method: "POST", headers: bearer(key), body: form });
}

export async function uploadId(emulator: DifyEmulator, file: Parameters<typeof upload>[1] = {}): Promise<string> {
  const answer = await (await upload(emulator, file)).json();
  return String(Object(answer).id);
}

export const fileInput = (id: string, type = "document") => ({
  type,
  transfer_method: "local_file",
  upload_file_id: id,
});

export const topicRun = (more: object = {}) => ({
  inputs: { topic: "cats" },
  user: "relay:1",
  response_mode: "streaming",
  ...more,
});

export type Frame = { event: string; task_id?: string; workflow_run_id?: string; data: Record<string, unknown> };

/** The data frames of a stream's text, whole ones only. */
export function framesOf(text: string): Frame[] {
  return text
    .split("\n\n")
    .slice(0, -1)
    .filter((block) => block.startsWith("data: "))
    .map((block) => JSON.parse(block.slice("data: ".length)));
}

/** A streaming run over a plain socket: every byte that came, and how it ended. */
export function streamRaw(
  emulator: DifyEmulator,
  body: unknown,
  key?: string,
): Promise<{ text: string; reset: boolean }> {
  const payload = JSON.stringify(body);
  const socket = connect(emulator.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  let reset = false;
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {
    reset = true;
  });
  socket.write(
    `POST /v1/workflows/run HTTP/1.1\r\nHost: dify\r\nConnection: close\r\nAuthorization: ${bearer(key).authorization}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
  );
  return new Promise((resolve) =>
    socket.once("close", () => resolve({ text: withoutChunkSizes(Buffer.concat(chunks)), reset })),
  );
}

/** Takes the chunked coding of HTTP/1.1 off a body that may stop anywhere. */
function withoutChunkSizes(answer: Buffer): string {
  const headEnd = answer.indexOf("\r\n\r\n");
  if (headEnd === -1) return "";
  const parts: Buffer[] = [];
  let at = headEnd + 4;
  while (at < answer.length) {
    const lineEnd = answer.indexOf("\r\n", at);
    if (lineEnd === -1) break;
    const size = Number.parseInt(answer.subarray(at, lineEnd).toString("latin1"), 16);
    if (!(size > 0)) break;
    parts.push(answer.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts).toString("utf8");
}
