import { startDifyEmulator } from "../../src/emulators/dify/start-dify-emulator.ts";
import { startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import type { EmulatorsSetup } from "./emulators-process.ts";

/** Both upstreams in this process, until it is told to end; what they are to be stands in the first argument. */
const setup = JSON.parse(process.argv[2] ?? "{}") as EmulatorsSetup; // written by emulators-process.ts
const { seed, workMs } = setup;
const fastio = await startFastioEmulator({ port: setup.fastio.port, publicUrl: setup.fastio.publicUrl, seed });
const dify = await startDifyEmulator({
  port: setup.dify.port,
  filesUrl: setup.dify.filesUrl,
  quiet: true,
  workMs,
  seed,
});
process.once("SIGTERM", () => {
  void Promise.all([fastio.close(), dify.close()]).then(() => process.exit(0));
});
process.send?.({ workspaceId: fastio.workspaceId });
