import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { inject } from "vitest";
import type { QueueBackend, QueueConfig } from "../../../queues/backend.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";
import { createTestDatabase, redisNamespace } from "../../support/servers.ts";

/** Where a queue lives, in words that can be handed to another process. */
export type Place =
  | { readonly kind: "redis"; readonly url: string; readonly prefix: string }
  | { readonly kind: "postgres"; readonly url: string }
  | { readonly kind: "pglite"; readonly folder: string };

/** A store to run the suite on. */
export type Subject = {
  readonly kind: QueueBackend["kind"];
  /** False when this machine lacks the server. */
  readonly available: boolean;
  /** An empty place of its own. */
  create(): Promise<{ readonly place: Place; dispose(): Promise<void> }>;
};

export function subjects(): readonly Subject[] {
  const redisUrl = inject("redisUrl");
  const postgresUrl = inject("postgresUrl");
  return [
    { kind: "pglite", available: true, create: createFolder },
    {
      kind: "postgres",
      available: postgresUrl !== undefined,
      create: async () => {
        const database = await createTestDatabase(postgresUrl ?? "");
        return { place: { kind: "postgres", url: database.url }, dispose: database.drop };
      },
    },
    {
      kind: "redis",
      available: redisUrl !== undefined,
      create: async () => {
        const { prefix, drop } = redisNamespace(redisUrl ?? "");
        return { place: { kind: "redis", url: redisUrl ?? "", prefix }, dispose: drop };
      },
    },
  ];
}

async function createFolder(): Promise<{ place: Place; dispose(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "relay-pglite-"));
  const data = join(folder, "data");
  copyMadeLedger(data);
  return {
    place: { kind: "pglite", folder: data },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

export type OpenPlace = { readonly config: QueueConfig; close(): Promise<void> };

/** Turns a place into what `createQueueBackend` takes; an embedded database is opened, and ours to close. */
export async function openPlace(place: Place): Promise<OpenPlace> {
  if (place.kind !== "pglite") return { config: place, close: async () => undefined };
  const pglite = await PGlite.create(place.folder);
  return { config: { kind: "pglite", pglite }, close: () => pglite.close() };
}

export type Holder = { kill(): Promise<void> };

/** Another process that has added a job and taken it, and will never finish it. */
export async function startHolder(place: Place, jobId: string): Promise<Holder> {
  const script = fileURLToPath(new URL("./hold-a-job.ts", import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(place), jobId], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (text: Buffer) => {
      if (text.toString().includes("holding")) resolve();
    });
    void gone.then(() => reject(new Error("the holder ended before it held the job")));
  });
  return {
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
