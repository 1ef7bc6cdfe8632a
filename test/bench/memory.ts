import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import { startDifyEmulator } from "../../src/emulators/dify/start-dify-emulator.ts";
import type { Work } from "../../src/emulators/dify/work.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import { freePort } from "../support/child-server.ts";
import { findPostgres } from "../support/find-programs.ts";
import { startPostgresWithLedger } from "../support/made-ledger.ts";
import { startRelayProcess } from "../support/relay-process.ts";
import { createEmptyDatabase } from "../support/servers.ts";

const MIB = 1_048_576;
const DEFAULT_MIB = 512;
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

/**
 * How much a relay process grows while one large file goes from Fast.io to Dify and an output of the same size comes back.
 * The emulators live in this process, the relay in one of its own. `npm run bench -- memory [MIB]`
 */
export async function benchMemory(args: readonly string[]): Promise<void> {
  const mib = Number(args[0] ?? DEFAULT_MIB);
  await measure("embedded PGlite", mib, undefined);
  // The embedded database takes memory early that a stream may use later; on a server nothing hides the growth.
  if (!findPostgres()) return console.log("\nPostgreSQL not found: measured on PGlite only");
  const postgres = await startPostgresWithLedger();
  try {
    await measure("PostgreSQL", mib, (await createEmptyDatabase(postgres.url)).url);
  } finally {
    await postgres.stop();
  }
}

async function measure(title: string, mib: number, databaseUrl: string | undefined): Promise<void> {
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
    DATABASE_URL: databaseUrl ?? `pglite:${join(folder, "data")}`,
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
    const startedMs = performance.now();
    await fastio.dropFile({ folder: "/Inbox", name: "large.mp4", content: zeros(mib) });
    const droppedMs = performance.now();
    await untilDelivered(port, 2);
    const seconds = (performance.now() - droppedMs) / 1_000;
    const peak = meter.stop();
    const after = residentBytes(relay.pid);
    const output = fastio.books().files.find(({ name }) => name === "copy of large.mp4");
    console.log(`\n${title}`);
    console.log(`file                    ${mib} MiB, dropped in ${((droppedMs - startedMs) / 1_000).toFixed(1)} s`);
    console.log(
      `through and back        ${seconds.toFixed(1)} s, ${((2 * mib) / seconds).toFixed(0)} MiB/s both ways together`,
    );
    console.log(`output in Fast.io       ${output ? `${output.size / MIB} MiB` : "missing"}`);
    console.log(`resident before         ${(before / MIB).toFixed(1)} MiB`);
    console.log(`resident at most        ${(peak / MIB).toFixed(1)} MiB`);
    console.log(`resident after          ${(after / MIB).toFixed(1)} MiB`);
    console.log(`growth                  ${((peak - before) / MIB).toFixed(1)} MiB`);
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

/** Linux only: `VmRSS` of /proc. */
function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) * 1_024;
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
