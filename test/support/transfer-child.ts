import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { systemClock } from "../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { createFastio } from "../../src/fastio/client/create-fastio.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { openTransport } from "./open-transport.ts";
import { pattern } from "./pattern.ts";

const { workspaceId, personKey } = FASTIO_EMULATOR_DEFAULTS;
const [mode, apiUrl = "", ...rest] = process.argv.slice(2);
const transport = openTransport();
const fastio = createFastio({
  send: transport.send,
  baseUrl: apiUrl,
  apiKey: personKey,
  dialect: "auto",
  clock: systemClock,
  random: Math.random,
  log: silentLog,
});
const { signal } = new AbortController();
const tell = (fact: object): boolean => process.stdout.write(`${JSON.stringify(fact)}\n`);

await fastio.whoami(signal);
tell({});
if (mode === "upload") await upload(Number(rest[0]), rest[1] ?? "");
else await download(rest[0] ?? "");
await transport.close();

async function upload(size: number, session: string): Promise<void> {
  const target = { workspaceId, parentId: "root" };
  const uploadId =
    session || (await fastio.openUpload({ workspaceId, target, name: "large.bin", size }, signal)).uploadId;
  tell({ uploadId });
  const open = (from: number, to: number): Readable => Readable.from(pattern(from, to), { objectMode: false });
  const { sentBytes, state } = await fastio.fillUpload(
    uploadId,
    { size, open },
    { onProgress: (progress) => tell({ sentBytes: progress.sentBytes }) },
    signal,
  );
  // In the guide's words a session has no place of its own.
  const nodeId = state.nodeId ?? (await fastio.placeUpload(target, "large.bin", { uploadId }, signal)).id;
  tell({ sentByThisProcess: sentBytes, nodeId });
}

async function download(nodeId: string): Promise<void> {
  const { body } = await fastio.openDownload({ place: workspaceId, nodeId }, signal);
  const hash = createHash("sha256");
  for await (const piece of body) hash.update(piece as Buffer);
  tell({ sha256: hash.digest("hex") });
}
