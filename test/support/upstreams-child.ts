import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import { startDifyEmulator } from "../../src/emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../src/emulators/fastio/defaults.ts";
import { startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import type { Ask, Pass, Told, UpstreamsWish } from "./upstreams.ts";

/** Both emulated upstreams in a process of their own, so that what they compute is not counted as the relay's. */

const FOLDER = "/Inbox";
const BYTES = 1_024;
const ADDED = "workspace_storage_file_added";
const LOOK_EVERY_MS = 20;

const { workMs, secret } = JSON.parse(process.argv[2] ?? "{}") as UpstreamsWish;
/** Books of thousands of shares take long to write; these are counted as they come. */
let sharesMade = 0;
const fastio = await startFastioEmulator({
  uploadDelayMs: 0,
  parallelDeliveries: 64,
  observe: ({ phase, method, path }) => {
    if (phase === "after" && method === "POST" && path.includes("/create/share/")) sharesMade += 1;
  },
});
const dify = await startDifyEmulator({
  quiet: true,
  workMs,
  apps: [{ ...DEFAULT_APP, work: async () => ({ answer: "done" }) }],
});

/** Names of the files whose deliveries were kept back, by delivery. */
const names = new Map<string, string>();
let unsent: string[] = [];

const answers: { readonly [K in Ask["do"]]: (ask: Extract<Ask, { do: K }>) => Promise<Told[K]> } = {
  hook: async ({ url }) => {
    const response = await fetch(`${fastio.apiUrl}/workspace/${fastio.workspaceId}/webhook/create/`, {
      method: "POST",
      headers: { authorization: `Bearer ${D.relayKey}` },
      body: new URLSearchParams({ url, secret }),
    });
    if (!response.ok) throw new Error(`the webhook was refused with ${response.status}`);
  },
  prepare: async ({ files }) => {
    const fault = fastio.addFault({ times: 0, action: { kind: "webhook_drop" } });
    const from = names.size;
    for (let n = from; n < from + files; n += 1)
      await fastio.dropFile({ folder: FOLDER, name: `file-${n}.txt`, content: `${n} `.padEnd(BYTES, "x") });
    await fetch(`${fastio.url}/__faults?id=${fault}`, { method: "DELETE" });
    const kept = fastio
      .books()
      .deliveries.filter(({ id, event, settled }) => event === ADDED && settled === "dropped" && !names.has(id));
    for (const [at, { id }] of kept.entries()) names.set(id, `file-${from + at}.txt`);
    unsent.push(...kept.map(({ id }) => id));
    return {
      nodes: fastio
        .books()
        .files.filter(({ path }) => path.startsWith(FOLDER))
        .map(({ id }) => id),
    };
  },
  send: async ({ files, perSecond }) => {
    const sending = unsent.slice(0, files);
    unsent = unsent.slice(files);
    const beganMs = performance.now();
    for (const [at, id] of sending.entries()) {
      fastio.replay(id);
      const waitMs = beganMs + ((at + 1) * 1_000) / perSecond - performance.now();
      // Timers are good for a millisecond; at higher rates several go at a time.
      if (waitMs > 1) await delay(waitMs);
    }
  },
  until: async ({ shares, patienceMs }) => {
    const endMs = performance.now() + patienceMs;
    while (sharesMade < shares) {
      if (performance.now() > endMs) throw new Error(`${sharesMade} of ${shares} shares after ${patienceMs} ms`);
      await delay(LOOK_EVERY_MS);
    }
  },
  passes: async () => passes(),
  figures: async () => {
    const { user, system } = process.cpuUsage();
    return {
      cpuMs: (user + system) / 1_000,
      calls: { fastio: fastio.books().requests, dify: dify.books().requests },
      workflowRuns: dify.books().runs.length,
      shares: sharesMade,
      deliveries: fastio.books().deliveries.filter(({ attempts }) => attempts.length > 0).length,
    };
  },
};

/** Each file that Fast.io told of. */
function passes(): readonly Pass[] {
  const { deliveries, shares } = fastio.books();
  const { uploads, runs } = dify.books();
  const fileOf = new Map(uploads.map(({ id, name }) => [id, name]));
  const startedAtMs = new Map(runs.map(({ inputs, createdAtMs }) => [fileOf.get(uploadIn(inputs)) ?? "", createdAtMs]));
  const sharedAtMs = new Map(shares.map(({ title, createdMs }) => [title, createdMs]));
  return deliveries.flatMap(({ id, attempts }) => {
    const name = names.get(id);
    const [first] = attempts;
    if (name === undefined || first === undefined) return [];
    const statuses = attempts.map(({ status }) => status);
    return [
      { name, toldAtMs: first.atMs, statuses, startedAtMs: startedAtMs.get(name), sharedAtMs: sharedAtMs.get(name) },
    ];
  });
}

function uploadIn({ document }: Readonly<Record<string, unknown>>): string {
  return typeof document === "object" && document !== null && "upload_file_id" in document
    ? String(document.upload_file_id)
    : "";
}

process.on("message", (message) => {
  const { id, ask } = message as { readonly id: number; readonly ask: Ask }; // our own parent
  const answer = answers[ask.do] as (asked: Ask) => Promise<unknown>; // each takes its own kind
  answer(ask).then(
    (told) => process.send?.({ id, told }),
    (error: unknown) => process.send?.({ id, fault: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ id: 0, told: { fastioUrl: fastio.apiUrl, difyUrl: dify.apiUrl } });
