import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { parse } from "smol-toml";
import { z } from "zod";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The parts of `wrangler.toml` that decide how the worker runs; anything we do not know there is a fault. */
const WranglerFile = z.strictObject({
  name: z.string(),
  main: z.string(),
  compatibility_date: z.iso.date(),
  compatibility_flags: z.array(z.string()),
  workers_dev: z.boolean(),
  vars: z.record(z.string(), z.string()),
  queues: z.strictObject({
    producers: z.array(z.strictObject({ binding: z.string(), queue: z.string() })),
    consumers: z.array(
      z.strictObject({
        queue: z.string(),
        dead_letter_queue: z.string(),
        max_batch_size: z.int().min(1).max(100),
        max_batch_timeout: z.int().min(0).max(60),
        max_concurrency: z.literal(1),
        max_retries: z.int().min(0).max(100),
      }),
    ),
  }),
  observability: z.strictObject({ enabled: z.boolean() }),
});
export type WranglerFile = z.infer<typeof WranglerFile>;

const readWranglerFile = (): WranglerFile => WranglerFile.parse(parse(readFileSync(`${ROOT}/wrangler.toml`, "utf8")));

/** Bundles the entry the way Wrangler does: with esbuild, Node's modules left to the runtime. */
export async function bundleEdge(): Promise<{ readonly script: string; readonly metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [readWranglerFile().main],
    bundle: true,
    format: "esm",
    target: "es2023",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*"],
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (!file) throw new Error("esbuild made no bundle");
  return { script: file.text, metafile };
}

export type EdgeWorker = {
  /** Where Fast.io would send its deliveries. */
  readonly url: string;
  /** What came into the queue of dead letters so far. */
  readonly deadLetters: readonly unknown[];
  /** Everything the worker logged so far. */
  logged(): string;
  /** Puts something straight into the queue of deliveries. */
  enqueue(message: unknown): Promise<void>;
  stop(): Promise<void>;
};

export type EdgeWish = {
  /** Variables and secrets. */
  readonly bindings: Readonly<Record<string, string>>;
  /** Queues are bound as `wrangler.toml` says, unless they are to be missing. */
  readonly queues?: boolean;
  readonly maxRetries?: number;
};

/** The edge worker on workerd, with its queues, as `wrangler.toml` sets it up. */
export async function startEdgeWorker({ bindings, queues = true, maxRetries }: EdgeWish): Promise<EdgeWorker> {
  // Where workerd does not run, this cannot even be imported.
  const { Log, LogLevel, Miniflare } = await import("miniflare");
  const file = readWranglerFile();
  const { script } = await bundleEdge();
  const deadLetters: unknown[] = [];
  let logged = "";
  const producers = Object.fromEntries(file.queues.producers.map(({ binding, queue }) => [binding, queue]));
  const at = { modules: true, compatibilityDate: file.compatibility_date } as const;
  const miniflare = new Miniflare({
    log: new Log(LogLevel.NONE),
    handleRuntimeStdio: (...streams: readonly Readable[]) => {
      for (const stream of streams) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          logged += text;
        });
      }
    },
    workers: [
      {
        ...at,
        name: file.name,
        script,
        compatibilityFlags: file.compatibility_flags,
        bindings: { ...file.vars, ...bindings },
        ...(queues ? { queueProducers: producers } : {}),
        queueConsumers: Object.fromEntries(
          file.queues.consumers.map((consumer) => [
            consumer.queue,
            {
              maxBatchSize: consumer.max_batch_size,
              maxBatchTimeout: consumer.max_batch_timeout,
              maxRetries: maxRetries ?? consumer.max_retries,
              deadLetterQueue: consumer.dead_letter_queue,
            },
          ]),
        ),
      },
      {
        ...at,
        name: "undertaker",
        script: `export default { async queue(batch, env) {
          for (const { body } of batch.messages) await env.TELL.fetch("http://test/", { method: "POST", body: JSON.stringify(body) });
        } };`,
        queueConsumers: Object.fromEntries(
          file.queues.consumers.map((consumer) => [consumer.dead_letter_queue, { maxBatchTimeout: 0 }]),
        ),
        serviceBindings: {
          TELL: async (request: { json(): Promise<unknown> }) => {
            deadLetters.push(await request.json());
            return new Response();
          },
        },
      },
    ],
  });
  const url = (await miniflare.ready).href.replace(/\/$/, "");
  return {
    url,
    deadLetters,
    logged: () => logged,
    enqueue: async (message) => {
      const queue = await miniflare.getQueueProducer("DELIVERIES", file.name);
      await queue.send(message, { contentType: "json" });
    },
    stop: () => miniflare.dispose(),
  };
}
