import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import { startDifyEmulator } from "../../src/emulators/dify/start-dify-emulator.ts";
import type { Work } from "../../src/emulators/dify/work.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import type { TestBackend } from "../support/backends.ts";
import { freePort } from "../support/child-server.ts";
import { residentBytes } from "../support/process-figures.ts";
import { startRelayProcess } from "../support/relay-process.ts";
import type { BenchContext, Part, Row } from "./frame/part.ts";

const MIB = 1_048_576;
const SAMPLE_EVERY_MS = 25;
const SECRET = "a secret of the bench";
const TOKEN = "bench-operator-token";
const RULES = `rules:
  - name: echo
    when: { workspace: Dify-Outputs, folder: /Inbox }
    deliver: { folder: /Outputs }
`;

/** Gives every file back as it came, so that the bytes go through the relay twice. */
const echo: Work = async ({ files, makeFile }) => {
  const outputs: Record<string, unknown> = {};
  for (const [index, file] of files.entries()) {
    outputs[`copy_${index}`] = await makeFile({
      name: `copy of ${file.name}`,
      mimeType: file.mimeType,
      content: file.open(),
    });
  }
  return outputs;
};

export const memory: Part = {
  name: "memory",
  description:
    "How much a relay process grows while one large file goes from Fast.io to Dify and an output of the same size comes back. Emulators and bench share a process, the relay has one of its own. The embedded database takes memory early that a stream may use later; on a server nothing hides the growth.",
  minutes: 4,
  sizeIs: "MiB",
  run: async (context) => {
    const mib = context.size({ normal: 2_048, quick: 32 });
    const rows: Row[] = [];
    for (const name of context.stores.filter((name) => name !== "redis + postgres")) {
      const backend = await context.openStore(name);
      try {
        context.say(`${mib} MiB through and back on ${name}`);
        rows.push(...(await measure(context, backend, mib)));
      } finally {
        await backend.drop();
      }
    }
    return rows;
  },
};

async function measure({ fault }: BenchContext, { name, environment }: TestBackend, mib: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "relay-bench-"));
  writeFileSync(join(folder, "rules.yaml"), RULES);
  const fastio = await startFastioEmulator({ maxFileBytes: 4_096 * MIB });
  const dify = await startDifyEmulator({
    quiet: true,
    uploadLimits: { image: 4_096 * MIB, audio: 4_096 * MIB, video: 4_096 * MIB, other: 4_096 * MIB },
    apps: [{ ...DEFAULT_APP, work: echo }],
  });
  const port = await freePort();
  const relay = await startRelayProcess({
    PORT: String(port),
    ...environment,
    RELAY_CONFIG: join(folder, "rules.yaml"),
    FASTIO_API_URL: fastio.apiUrl,
    FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
    FASTIO_WEBHOOK_SECRETS: SECRET,
    DIFY_API_URL: dify.apiUrl,
    DIFY_API_KEY: DEFAULT_APP_KEY,
    RELAY_TOKENS: `operator:${TOKEN}`,
  });
  try {
    await post(fastio.apiUrl, `/workspace/${fastio.workspaceId}/webhook/create/`, {
      url: `http://127.0.0.1:${port}/webhooks/fastio`,
      secret: SECRET,
    });
    // A small file first: what is loaded and compiled once is not growth.
    await fastio.dropFile({ folder: "/Inbox", name: "warm-up.txt", content: "warm" });
    await untilDelivered(port, 1);
    await delay(2_000);
    const before = residentBytes(relay.pid);
    const meter = startMeter(relay.pid);
    await fastio.dropFile({ folder: "/Inbox", name: "large.mp4", content: zeros(mib) });
    const droppedMs = performance.now();
    await untilDelivered(port, 2);
    const seconds = (performance.now() - droppedMs) / 1_000;
    const peak = meter.stop();
    const output = fastio.books().files.find(({ name }) => name === "copy of large.mp4");
    if (output?.size !== mib * MIB) fault(`${name}: the output has ${output?.size ?? 0} bytes, not ${mib * MIB}`);
    const what = `${mib} MiB, ${name}`;
    return [
      { what: `${what}: both ways together`, value: (2 * mib) / seconds, unit: "MiB/s" },
      { what: `${what}: resident before`, value: before / MIB, unit: "MiB" },
      { what: `${what}: growth at most`, value: (peak - before) / MIB, unit: "MiB", wanted: { atMost: 96 } },
    ];
  } finally {
    await relay.kill();
    await Promise.all([fastio.close(), dify.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function* zeros(mib: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(MIB);
  for (let index = 0; index < mib; index++) {
    piece.fill(index & 255);
    yield piece.slice();
  }
}

function startMeter(pid: number): { stop(): number } {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid));
  }, SAMPLE_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
}

async function untilDelivered(port: number, count: number): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/api/runs`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const { runs } = (await response.json()) as { runs: { status: string; error: string | null }[] };
    const failed = runs.find(({ status }) => status === "failed" || status === "held" || status === "cancelled");
    if (failed) throw new Error(`a run ${failed.status}: ${failed.error}`);
    if (runs.filter(({ status }) => status === "delivered").length >= count) return;
    await delay(100);
  }
}

async function post(apiUrl: string, path: string, form: Record<string, string>): Promise<void> {
  const response = await fetch(apiUrl + path, {
    method: "POST",
    headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    body: new URLSearchParams(form),
  });
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}`);
}
