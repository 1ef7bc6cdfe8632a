import { createHash } from "node:crypto";
import { type Duplex, type Readable, Transform } from "node:stream";
import { request } from "undici";
import { fetchFile } from "../../../queues/runs/fetch-file.ts";
import { forwardFile } from "../../../queues/runs/forward-file.ts";
import { systemClock } from "../../../src/clock.ts";
import { createDify } from "../../../src/dify/create-dify.ts";
import { createFastio } from "../../../src/fastio/client/create-fastio.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { openTransport } from "../../support/open-transport.ts";
import type { CopyTold, CopyWish } from "./measure-copies.ts";

/** Copies one file, as the relay does it or as undici alone does, and tells how long that took. */

const { by, way, bytes, fastioUrl, difyUrl, content } = JSON.parse(process.argv[2] ?? "{}") as CopyWish;
const { signal } = new AbortController();
const tell = (told: CopyTold): boolean => process.stdout.write(`${JSON.stringify(told)}\n`);

const transport = openTransport();
const deps = { send: transport.send, clock: systemClock, random: Math.random, log: silentLog };
const fastio = createFastio({ ...deps, baseUrl: fastioUrl, apiKey: "key", dialect: "reference" });
const dify = createDify({ ...deps, baseUrl: difyUrl, apiKey: "app-key" });

/**
 * Copies what is at these addresses, of either server.
 * @returns how many bytes arrived, with what a form adds to them
 */
type CopyFile = (file: { readonly name: string; readonly bytes: number | undefined }) => Promise<number>;

const copies: Readonly<Record<CopyWish["by"], Readonly<Record<CopyWish["way"], CopyFile>>>> = {
  bare: {
    in: ({ name }) => copyBare(`${fastioUrl}/read/${name}`, `${difyUrl}${content}`),
    out: ({ name }) => copyBare(`${difyUrl}/${name}`, `${fastioUrl}${content}`),
  },
  hashing: {
    in: ({ name }) => copyBare(`${fastioUrl}/read/${name}`, `${difyUrl}${content}`, hashing()),
    out: ({ name }) => copyBare(`${difyUrl}/${name}`, `${fastioUrl}${content}`, hashing()),
  },
  relay: {
    in: async ({ name, bytes: size }) => {
      const run = { id: "run", sourceShareId: null, workspaceId: "workspace" };
      let arrived = 0;
      const counted: typeof dify.uploadFile = async (...args) => {
        const upload = await dify.uploadFile(...args);
        arrived = upload.size;
        return upload;
      };
      // Of a run no more is asked than this.
      const desk = { run, signal } as unknown as Parameters<typeof fetchFile>[1];
      const file = { nodeId: name, versionId: null, name, size: size ?? null, mimeType: null };
      await fetchFile({ fastio, dify: { uploadFile: counted } }, desk, file);
      return arrived;
    },
    out: async ({ name, bytes: size }) => {
      const file = { name, mimeType: "application/octet-stream", url: `${difyUrl}/${name}` };
      const sized = size === undefined ? file : { ...file, size };
      const sent = await forwardFile({ openOutput: dify.openOutput, fastio }, "workspace", sized, bytes, signal);
      if (sent === "too_large") throw new Error("the copy was given up");
      return sent.size;
    },
  },
};

const copy = copies[by][way];
await copy({ name: "warm-up", bytes: undefined });
tell({});
const beganMs = performance.now();
const cpu = process.cpuUsage();
const arrived = await copy({ name: "large", bytes });
const { user, system } = process.cpuUsage(cpu);
tell({ arrived, seconds: (performance.now() - beganMs) / 1_000, cpuSeconds: (user + system) / 1e6 });
await transport.close();
process.exit(0);

async function copyBare(from: string, to: string, ...ways: readonly Duplex[]): Promise<number> {
  const source = await request(from);
  const headers = { "content-length": String(source.headers["content-length"]) };
  const body = ways.reduce<Readable>((before, way) => before.pipe(way), source.body);
  const answer = await request(to, { method: "POST", headers, body });
  const told = (await answer.body.json()) as { readonly bytes?: number; readonly size?: number };
  return told.bytes ?? told.size ?? 0;
}

function hashing(): Transform {
  const hash = createHash("sha256");
  return new Transform({
    transform: (piece: Buffer, _encoding, done) => {
      hash.update(piece);
      done(null, piece);
    },
  });
}
