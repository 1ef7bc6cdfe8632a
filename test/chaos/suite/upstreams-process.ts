import { startDifyEmulator } from "../../../src/emulators/dify/start-dify-emulator.ts";
import { startFastioEmulator } from "../../../src/emulators/fastio/start.ts";
import type { UpstreamsWish } from "./upstreams.ts";

// Both upstreams in a process of their own: nobody kills it, and its books are what the ledger is compared with.
const wish = JSON.parse(process.argv[2] ?? "") as UpstreamsWish; // written by upstreams.ts

const fastio = await startFastioEmulator({
  port: wish.fastioPort,
  publicUrl: wish.fastioUrl,
  timeScale: wish.timeScale,
  seed: `${wish.seed} fastio`,
});
const dify = await startDifyEmulator({
  port: wish.difyPort,
  filesUrl: wish.difyUrl,
  seed: `${wish.seed} dify`,
  quiet: true,
  workMs: wish.workMs,
  // A stream that says nothing more is ended within seconds, not minutes.
  pingMs: 1_000,
  idleMs: 5_000,
});
process.stdout.write(`${JSON.stringify({ fastio: fastio.url, dify: dify.url })}\n`);
process.once("SIGTERM", () => void Promise.all([fastio.close(), dify.close()]).then(() => process.exit(0)));
